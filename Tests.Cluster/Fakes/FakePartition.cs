using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A log in memory that knows idempotent producers.</summary>
internal sealed class FakePartition(FakeTopic topic, int index) : IPartitionGrain
{
    private readonly Lock _lock = new();
    private readonly List<(RecordBatchHeader Header, byte[] Bytes)> _batches = [];
    private readonly Dictionary<long, (int NextSequence, int LastSequence, long LastOffset)> _producers = [];
    private readonly ConcurrentQueue<Func<Func<AppendAnswer>, Task<AppendAnswer>>> _faults = new();
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _end;
    private Guid _topicId;

    /// <summary>How often it was asked to append.</summary>
    public int Appends { get; private set; }

    /// <summary>How often it was asked to read.</summary>
    public int Reads { get; private set; }

    public long LogStart { get; private set; }

    public long End
    {
        get
        {
            lock (_lock)
            {
                BeginAnewLocked();
                return _end;
            }
        }
    }

    public IReadOnlyList<int> BatchSizes
    {
        get
        {
            lock (_lock)
            {
                return [.. _batches.Select(batch => batch.Header.RecordsCount)];
            }
        }
    }

    /// <summary>What becomes of the next append; it is handed the append itself, to do or not.</summary>
    public void OnNextAppend(Func<Func<AppendAnswer>, Task<AppendAnswer>> fault) => _faults.Enqueue(fault);

    public static AppendAnswer Refusal(ErrorCode error) => new((short)error, null, -1, -1);

    /// <summary>Forgets what idempotent producers wrote, as after an unclean election.</summary>
    public void ForgetProducers(int expectedSequence)
    {
        lock (_lock)
        {
            foreach (var id in _producers.Keys.ToList())
                _producers[id] = (expectedSequence, -1, -1);
        }
    }

    public void DeleteBefore(long offset)
    {
        lock (_lock)
        {
            LogStart = offset;
            _batches.RemoveAll(batch => batch.Header.NextOffset.Value <= offset);
        }
    }

    /// <summary>Loses its last records, as by an unclean election.</summary>
    public void CutTo(long end)
    {
        lock (_lock)
        {
            _batches.RemoveAll(batch => batch.Header.NextOffset.Value > end);
            _end = _batches.Count > 0 ? _batches[^1].Header.NextOffset.Value : LogStart;
        }
    }

    /// <summary>Flips a bit in the records of a batch.</summary>
    public void Damage(int batch)
    {
        lock (_lock)
        {
            _batches[batch].Bytes[^1] ^= 1;
        }
    }

    public Task<AppendAnswer> AppendAsync(AppendRequest request)
    {
        lock (_lock)
        {
            Appends++;
        }
        return _faults.TryDequeue(out var fault) ? fault(() => Append(request.Batch)) : Task.FromResult(Append(request.Batch));
    }

    public async Task<ReadAnswer> ReadAsync(ReadRequest request)
    {
        Task grown;
        lock (_lock)
        {
            Reads++;
            if (request.Offset != End || !Exists)
                return ReadLocked(request);
            grown = _grown.Task;
        }
        await grown.WaitAsync(TimeSpan.FromMilliseconds(request.MaxWaitMs)).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        lock (_lock)
        {
            return ReadLocked(request);
        }
    }

    public Task<PartitionOffsets> GetOffsetsAsync() => Task.FromResult(
        topic.Exists
            ? new PartitionOffsets(0, LogStart, End, End, 0)
            : new PartitionOffsets((short)ErrorCode.UnknownTopicOrPartition, -1, -1, -1, -1));

    public Task<FoundOffset> FindOffsetAsync(long timestampMs)
    {
        lock (_lock)
        {
            foreach (var (header, bytes) in _batches)
            {
                using var reader = new RecordReader(header, new ReadOnlySequence<byte>(bytes.AsMemory(RecordBatchHeader.SizeBytes)));
                while (reader.TryRead(out var record))
                {
                    if (record.TimestampMs >= timestampMs)
                        return Task.FromResult(new FoundOffset(0, record.Offset.Value, record.TimestampMs));
                }
            }
            return Task.FromResult(new FoundOffset(0, -1, -1));
        }
    }

    public Task<RecordsDeleted> DeleteRecordsAsync(long end) => throw new NotSupportedException();

    private AppendAnswer Append(ReadOnlyMemory<byte> batch)
    {
        lock (_lock)
        {
            BeginAnewLocked();
            if (!Exists)
                return Refusal(ErrorCode.UnknownTopicOrPartition);
            var status = RecordBatchValidator.Validate(new ReadOnlySequence<byte>(batch), out var header, out _);
            if (status != RecordBatchStatus.Valid)
                return Refusal(status.ToErrorCode());
            if (header.HasProducerId && _producers.TryGetValue(header.ProducerId.Value, out var known))
            {
                if (header.LastSequence == known.LastSequence)
                    return new AppendAnswer(0, null, known.LastOffset - header.LastOffsetDelta, -1);
                if (header.BaseSequence != known.NextSequence)
                    return Refusal(ErrorCode.OutOfOrderSequenceNumber);
            }
            var baseOffset = _end;
            var stored = batch.ToArray();
            BinaryPrimitives.WriteInt64BigEndian(stored, baseOffset);
            header = RecordBatchHeader.Read(stored);
            _batches.Add((header, stored));
            _end = header.NextOffset.Value;
            if (header.HasProducerId)
                _producers[header.ProducerId.Value] = (header.LastSequence + 1, header.LastSequence, header.LastOffset.Value);
            _grown.SetResult();
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return new AppendAnswer(0, null, baseOffset, -1);
        }
    }

    private bool Exists => topic.Exists && index < topic.PartitionCount;

    /// <summary>A topic that was deleted and created again is another one.</summary>
    private void BeginAnewLocked()
    {
        if (topic.Id is not { } id || id == _topicId)
            return;
        if (_topicId != default)
        {
            _batches.Clear();
            _producers.Clear();
            (LogStart, _end) = (0, 0);
        }
        _topicId = id;
    }

    private ReadAnswer ReadLocked(ReadRequest request)
    {
        BeginAnewLocked();
        if (!Exists)
            return new ReadAnswer((short)ErrorCode.UnknownTopicOrPartition, default, -1, -1, -1);
        if (request.Offset < LogStart || request.Offset > _end)
            return new ReadAnswer((short)ErrorCode.OffsetOutOfRange, default, -1, _end, LogStart, _topicId);
        var output = new MemoryStream();
        var next = request.Offset;
        foreach (var (header, bytes) in _batches.Where(batch => batch.Header.NextOffset.Value > request.Offset))
        {
            if (output.Length > 0 && output.Length + bytes.Length > request.MaxBytes)
                break;
            output.Write(bytes);
            next = header.NextOffset.Value;
        }
        return new ReadAnswer(0, output.ToArray(), next, _end, LogStart, _topicId);
    }
}
