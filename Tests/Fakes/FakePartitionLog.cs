using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Tests.Fakes;

/// <summary>One partition's batches in a list.</summary>
public sealed class FakePartitionLog(FakeLogStore store, TopicIdPartition partition) : IPartitionLog
{
    private readonly Lock _lock = new();
    private readonly List<Batch> _batches = [];
    private IPartitionLogObserver? _observer;
    private Offset _logStart;
    private Offset _logEnd;
    private Offset _durableEnd;
    private (byte[] State, Offset End)? _checkpoint;

    public TopicIdPartition Partition => partition;

    public Offset LogStartOffset
    {
        get
        {
            lock (_lock) return _logStart;
        }
    }

    public Offset LogEndOffset
    {
        get
        {
            lock (_lock) return _logEnd;
        }
    }

    public Offset DurableEndOffset
    {
        get
        {
            lock (_lock) return _durableEnd;
        }
    }

    public long SizeBytes
    {
        get
        {
            lock (_lock) return _batches.Sum(batch => (long)batch.Bytes.Length);
        }
    }

    public bool TryAppend(ReadOnlySpan<byte> header, in ReadOnlySequence<byte> records)
    {
        if (store.Failure is { } failure) throw new LogStoreException(failure.Message, failure);
        if (store.IsFull) return false;
        var bytes = new byte[header.Length + records.Length];
        header.CopyTo(bytes);
        records.CopyTo(bytes.AsSpan(header.Length));
        var parsed = RecordBatchHeader.Read(header);
        lock (_lock)
        {
            var holdsLogStart = _logStart == _logEnd && parsed.BaseOffset < _logEnd && parsed.NextOffset > _logEnd;
            if (parsed.BaseOffset != _logEnd && !holdsLogStart)
            {
                throw new InvalidOperationException($"gap: {parsed.BaseOffset}, end {_logEnd}");
            }

            _batches.Add(new Batch(parsed, bytes));
            _logEnd = parsed.NextOffset;
        }

        if (!store.HoldDurability) ThreadPool.UnsafeQueueUserWorkItem(static log => log.Sync(), this, preferLocal: true);
        return true;
    }

    public LogRead Read(Offset from, Offset limit, int maxBytes, bool atLeastOne)
    {
        lock (_lock)
        {
            if (from < _logStart || from > _logEnd) return new LogRead(LogReadStatus.OutOfRange, null, from);
            var next = from;
            var size = 0;
            var found = new List<byte[]>();
            foreach (var batch in _batches)
            {
                if (batch.Header.NextOffset <= from) continue;
                if (batch.Header.NextOffset > limit) break;
                if (size + batch.Bytes.Length > maxBytes && !(atLeastOne && found.Count == 0)) break;
                found.Add(batch.Bytes);
                size += batch.Bytes.Length;
                next = batch.Header.NextOffset;
            }

            return new LogRead(LogReadStatus.Ok, found.Count == 0 ? null : store.Give(found), next);
        }
    }

    /// <summary>As coarse as a batch: the first whose largest timestamp is late enough.</summary>
    public TimestampedOffset? FindByTimestamp(long timestampMs, Offset limit)
    {
        lock (_lock)
        {
            foreach (var (header, _) in _batches)
            {
                if (header.MaxTimestamp >= timestampMs && header.NextOffset <= limit && header.BaseOffset >= _logStart) return At(header);
            }

            return null;
        }
    }

    public TimestampedOffset? FindMaxTimestamp(Offset limit)
    {
        lock (_lock)
        {
            var headers = _batches.Select(batch => batch.Header).Where(header => header.NextOffset <= limit).ToList();
            return headers.Count == 0 ? null : At(headers.MaxBy(header => header.MaxTimestamp));
        }
    }

    public Offset FindRetentionStart(long? expireBeforeMs, long? retainBytes, Offset limit)
    {
        lock (_lock)
        {
            var start = _logStart;
            var rest = _batches.Sum(batch => (long)batch.Bytes.Length);
            foreach (var (header, bytes) in _batches)
            {
                rest -= bytes.Length;
                var expired = header.MaxTimestamp < expireBeforeMs || rest >= retainBytes;
                if (!expired || header.NextOffset > limit) break;
                start = header.NextOffset;
            }

            return Offset.Max(start, _logStart);
        }
    }

    public void AdvanceLogStart(Offset logStart)
    {
        lock (_lock)
        {
            _logStart = logStart;
            _logEnd = Offset.Max(_logEnd, logStart);
            _batches.RemoveAll(batch => batch.Header.NextOffset <= logStart);
        }

        if (!store.HoldDurability) ThreadPool.UnsafeQueueUserWorkItem(static log => log.Sync(), this, preferLocal: true);
    }

    public void TruncateTo(Offset end)
    {
        lock (_lock)
        {
            if (_batches.Find(batch => batch.Header.NextOffset > end) is { Bytes: not null } first)
            {
                end = Offset.Min(end, first.Header.BaseOffset);
            }

            _batches.RemoveAll(batch => batch.Header.NextOffset > end);
            _logEnd = end;
            _logStart = Offset.Min(_logStart, end);
            _durableEnd = Offset.Min(_durableEnd, end);
        }
    }

    /// <summary>Everything appended here becomes durable.</summary>
    public void Sync()
    {
        Offset end;
        lock (_lock) end = _durableEnd = _logEnd;
        _observer?.OnDurable(end);
    }

    internal void Fail(LogStoreException failure) => _observer?.OnFailed(failure);

    internal void Replay(IPartitionLogObserver observer)
    {
        _observer = observer;
        var from = Offset.Zero;
        if (_checkpoint is { } checkpoint && checkpoint.End >= _logStart)
        {
            observer.Restore(checkpoint.State);
            from = checkpoint.End;
        }

        foreach (var (header, _) in _batches)
        {
            if (header.BaseOffset >= from) observer.ReplayAppend(header);
        }
    }

    internal void Checkpoint()
    {
        var state = new ArrayBufferWriter<byte>();
        var end = _observer!.WriteSnapshot(state);
        _checkpoint = (state.WrittenSpan.ToArray(), end);
    }

    internal FakePartitionLog Recover(FakeLogStore next)
    {
        var log = new FakePartitionLog(next, partition) { _checkpoint = _checkpoint };
        log._batches.AddRange(_batches.Where(batch => batch.Header.NextOffset <= _durableEnd));
        log._logStart = Offset.Min(_logStart, _durableEnd);
        log._logEnd = log._durableEnd = _durableEnd;
        return log;
    }

    private static TimestampedOffset At(in RecordBatchHeader header) =>
        new(header.BaseOffset, header.MaxTimestamp, header.PartitionLeaderEpoch);

    private readonly record struct Batch(RecordBatchHeader Header, byte[] Bytes);
}
