using System.Buffers;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;

namespace Loire.Tests.Broker.Groups;

/// <summary>A coordinator's log in memory. Appends are committed at once, or fail as <see cref="Fate"/> says.</summary>
internal sealed class FakeCoordinatorLog : ICoordinatorLog
{
    private readonly Lock _lock = new();
    private readonly List<(Offset Base, byte[] Bytes)> _batches = [];
    private Offset _end = Offset.Zero;

    public int MaxBatchBytes { get; set; } = 1_048_588;
    public Offset Start { get; private set; } = Offset.Zero;

    /// <summary>Called for each append, from 0: what becomes of it.</summary>
    public Func<int, AppendFate> Fate { get; set; } = _ => AppendFate.Commit;

    /// <summary>What each append waits for first.</summary>
    public Func<Task> Before { get; set; } = () => Task.CompletedTask;
    public int AppendCount { get; private set; }

    public long SizeBytes
    {
        get
        {
            lock (_lock)
                return _batches.Sum(batch => (long)batch.Bytes.Length);
        }
    }

    public async ValueTask<Offset> AppendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        var bytes = batch.ToArray();
        await Before().WaitAsync(cancellationToken);
        bytes.Length.ShouldBeLessThanOrEqualTo(MaxBatchBytes);
        lock (_lock)
        {
            var fate = Fate(AppendCount++);
            if (fate == AppendFate.Refuse)
                throw new KafkaException(ErrorCode.NotEnoughReplicas, "refused by the test");
            if (fate == AppendFate.LoseBefore)
                throw new CoordinatorLogException("lost by the test");
            var offset = _end;
            RecordBatchHeader.Assign(bytes, offset, LeaderEpoch.Zero);
            _batches.Add((offset, bytes));
            _end = RecordBatchHeader.Read(bytes).NextOffset;
            return fate == AppendFate.LoseAfter ? throw new CoordinatorLogException("lost by the test") : offset;
        }
    }

    public ValueTask ReplayAsync(Action<ReadOnlyMemory<byte>> onBatches, CancellationToken cancellationToken)
    {
        byte[][] batches;
        lock (_lock)
            batches = [.. _batches.Select(batch => batch.Bytes)];
        foreach (var batch in batches)
            onBatches(batch);
        return ValueTask.CompletedTask;
    }

    public void AdvanceLogStart(Offset start)
    {
        lock (_lock)
        {
            Start = start;
            _batches.RemoveAll(batch => batch.Base < start);
        }
    }

    /// <summary>All records, decoded.</summary>
    public List<CoordinatorRecord?> Records()
    {
        var records = new List<CoordinatorRecord?>();
        lock (_lock)
        {
            foreach (var (_, bytes) in _batches)
            {
                var batches = new RecordBatchReader(new ReadOnlySequence<byte>(bytes));
                while (batches.TryRead(out var header, out var payload))
                {
                    using var reader = new RecordReader(header, payload);
                    while (reader.TryRead(out var record))
                        records.Add(CoordinatorRecordCodec.Decode(record.Key, record.Value));
                }
            }
        }
        return records;
    }
}

internal enum AppendFate
{
    Commit,

    /// <summary>Nothing is appended, and the caller knows.</summary>
    Refuse,

    /// <summary>Nothing is appended, and the caller does not know.</summary>
    LoseBefore,

    /// <summary>The batch is appended, and the caller does not know.</summary>
    LoseAfter,
}
