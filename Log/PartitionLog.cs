using System.Buffers;
using System.Buffers.Binary;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>One partition's log: a view of the journal. What changes it is written to the journal under the journal's
/// append lock and takes effect there and then, under the partition's own lock within; readers take only the
/// latter.</summary>
internal sealed class PartitionLog : IPartitionLog
{
    private readonly PartitionContext _context;
    private readonly Lock _lock = new();
    private readonly BatchIndex _index = new();
    private readonly DamagedOffsets _damaged = new();
    private long _logStart;
    private long _logEnd;
    private long _durableEnd;
    private int _truncations;
    private ObserverSnapshot _snapshot;
    private DurableMark _reached;
    private bool _isReached;
    private int _touchedSegment = -1;
    private long _truncatedTo = long.MaxValue;

    public PartitionLog(PartitionContext context, PartitionState state)
    {
        _context = context;
        Handle = state.Handle;
        Partition = state.Partition;
        _logStart = state.LogStart;
        _logEnd = state.LogEnd;
        _durableEnd = state.LogEnd;
        _truncations = state.Truncations;
        _snapshot = state.Snapshot;
    }

    public TopicIdPartition Partition { get; }
    public int Handle { get; }
    public IPartitionLogObserver? Observer { get; set; }
    public bool IsDeleted { get; private set; }
    public Offset LogStartOffset => new(Volatile.Read(ref _logStart));
    public Offset LogEndOffset => new(Volatile.Read(ref _logEnd));
    public Offset DurableEndOffset => new(Volatile.Read(ref _durableEnd));

    public long SizeBytes
    {
        get
        {
            lock (_lock)
                return _index.SizeBytes;
        }
    }

    public bool TryAppend(ReadOnlySpan<byte> header, in ReadOnlySequence<byte> records)
    {
        var batch = RecordBatchHeader.Read(header);
        var journal = _context.Journal;
        lock (journal.AppendLock)
        {
            ThrowIfDeleted();
            CheckBatch(batch, header.Length + records.Length);
            if (!journal.TryAppend(EntryKind.Append, Handle, header, records, out long address))
                return false;
            ApplyAppend(address, batch);
            Track();
        }
        journal.Commits.Start();
        return true;
    }

    public LogRead Read(Offset from, Offset limit, int maxBytes, bool atLeastOne)
    {
        lock (_lock)
        {
            if (from.Value < _logStart || from.Value > _logEnd)
                return new LogRead(LogReadStatus.OutOfRange, null, from);
            if (_damaged.Contains(from.Value))
                return new LogRead(LogReadStatus.Damaged, null, from);
            long end = _damaged.Limit(from.Value, limit.Value);
            var records = JournalRecords.Plan(_context.Journal, _index, from.Value, end, maxBytes, atLeastOne);
            return new LogRead(LogReadStatus.Ok, records, records is null ? from : new Offset(records.NextOffset));
        }
    }

    public TimestampedOffset? FindByTimestamp(long timestampMs, Offset limit) =>
        TimestampLookup.FindFirst(this, timestampMs, limit);

    public TimestampedOffset? FindMaxTimestamp(Offset limit) => TimestampLookup.FindMax(this, limit);

    public Offset FindRetentionStart(long? expireBeforeMs, long? retainBytes, Offset limit)
    {
        lock (_lock)
            return new Offset(Retention.FindStart(
                _index, _logStart, expireBeforeMs, retainBytes, limit.Value, _context.Journal.Files.WrittenAtMs));
    }

    public void AdvanceLogStart(Offset logStart)
    {
        Span<byte> payload = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, logStart.Value);
        Change(EntryKind.LogStart, payload, () => logStart.Value > _logStart, () => ApplyLogStart(logStart.Value));
    }

    public void TruncateTo(Offset end)
    {
        Span<byte> payload = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, end.Value);
        Change(EntryKind.Truncate, payload, () => end.Value < _logEnd, () => ApplyTruncate(end.Value));
    }

    public void Delete() => Change(EntryKind.Delete, [], () => true, ApplyDelete);

    /// <summary>Calls <paramref name="use"/> with the index, under the partition's lock.</summary>
    public TResult Inspect<TState, TResult>(TState state, Func<BatchIndex, TState, TResult> use)
    {
        lock (_lock)
            return use(_index, state);
    }

    /// <summary>Whether the log goes on behind an offset that it should have and has not; be it with its end alone.</summary>
    public bool LacksRecordsAt(long offset)
    {
        lock (_lock)
        {
            return offset >= _logStart
                && offset < _logEnd
                && (!_index.TryGet(_index.Find(offset), out var next) || next.BaseOffset > offset);
        }
    }

    /// <summary>Refuses reads of the batches that lie in a damaged part of the journal.</summary>
    /// <returns>Whether there are any.</returns>
    public bool NoteDamage(long from, long until)
    {
        lock (_lock)
        {
            if (_index.FindOffsetsIn(from, until) is not { } offsets)
                return false;
            _damaged.Add(offsets);
            return true;
        }
    }

    /// <summary>Whether a batch of the log lies in a part of the journal.</summary>
    public bool HasBatchIn(long from, long until)
    {
        lock (_lock)
            return _index.FindOffsetsIn(from, until) is not null;
    }

    public Journal Journal => _context.Journal;

    /// <summary>Takes the batch at an address into the log. Under the append lock, or while nobody else is there.</summary>
    public void ApplyAppend(long address, in RecordBatchHeader batch)
    {
        Touch();
        var entry = IndexEntry.Of(address, batch);
        lock (_lock)
        {
            _index.Append(entry, _context.Segments.Current);
            Volatile.Write(ref _logEnd, entry.NextOffset);
        }
    }

    public void ApplyTruncate(long end)
    {
        Touch();
        lock (_lock)
        {
            end = _index.CutTo(end);
            _damaged.CutTo(end);
            _truncations++;
            _truncatedTo = Math.Min(_truncatedTo, end);
            _snapshot = _snapshot with { ReplayFrom = Math.Min(_snapshot.ReplayFrom, end) };
            Volatile.Write(ref _logEnd, end);
            Volatile.Write(ref _logStart, Math.Min(_logStart, end));
            Volatile.Write(ref _durableEnd, Math.Min(_durableEnd, end));
        }
    }

    public void ApplyLogStart(long logStart)
    {
        Touch();
        lock (_lock)
        {
            _index.Trim(logStart);
            Volatile.Write(ref _logStart, logStart);
            if (_logEnd < logStart)
                Volatile.Write(ref _logEnd, logStart);
        }
    }

    public void ApplyDelete()
    {
        Touch();
        lock (_lock)
        {
            IsDeleted = true;
            _index.Clear();
            Volatile.Write(ref _logStart, _logEnd);
        }
        _context.OnDeleted(this);
    }

    public void ApplyCreate() => Touch();

    /// <summary>Takes in what the index of a full segment says, segment by segment, as the log is opened.</summary>
    public void Load(JournalSegment segment, SegmentIndexFile file, in SegmentIndexRecord record, bool isCurrent)
    {
        if (record.TruncatedTo != long.MaxValue)
            _index.CutTo(record.TruncatedTo);
        IndexBlock? block = null;
        if (record.Count > 0)
        {
            block = new IndexBlock(segment, file, record);
            _index.Append(block);
        }
        if (!isCurrent)
            return;
        block?.MoveToMemory();
        Touch();
        _truncatedTo = record.TruncatedTo;
    }

    /// <summary>Drops what the segments' indexes hold below the log start.</summary>
    public void FinishLoad() => _index.Trim(_logStart);

    /// <summary>Everything recovered was read from the disk.</summary>
    public void FinishRecovery() => _durableEnd = _logEnd;

    /// <summary>Under the append lock, as its segment becomes full: the partition as it is at that address.</summary>
    public SealedPartition Seal(JournalSegment segment)
    {
        lock (_lock)
        {
            var block = _index.IsEmpty || _index.Blocks[^1].Segment != segment ? null : _index.Blocks[^1];
            var state = new PartitionState(Handle, Partition, _logStart, _logEnd, _truncations, _snapshot);
            var record = new SegmentIndexRecord(
                Handle,
                0,
                block?.Count ?? 0,
                0,
                _truncatedTo,
                block?.SizeBytes ?? 0,
                block?.MaxTimestamp ?? long.MinValue,
                block?.EndOffset ?? 0);
            return new SealedPartition(this, IsDeleted ? null : state, block, block?.Detach() ?? default, record);
        }
    }

    /// <summary>Lets a full segment's block go over to its file.</summary>
    public void MoveToFile(IndexBlock block, SegmentIndexFile file, int start)
    {
        lock (_lock)
            block.MoveTo(file, start);
    }

    /// <summary>Asks the observer for its state. Where the log is truncated meanwhile it is asked again, so that what it says
    /// belongs to a known point of the log's history.</summary>
    public ObserverSnapshot? TakeSnapshot()
    {
        if (Observer is not { } observer || IsDeleted)
            return null;
        while (true)
        {
            int truncations = Volatile.Read(ref _truncations);
            var bytes = new ArrayBufferWriter<byte>();
            long end = observer.WriteSnapshot(bytes).Value;
            lock (_lock)
            {
                if (truncations != _truncations)
                    continue;
                return _snapshot = new ObserverSnapshot(truncations, end, end, bytes.WrittenMemory);
            }
        }
    }

    /// <summary>Gives an observer the last checkpoint's state and what came after.</summary>
    public void Replay(IPartitionLogObserver observer)
    {
        ObserverSnapshot snapshot;
        var batches = new List<IndexEntry>();
        lock (_lock)
        {
            // Without the batches between its end and the log start a state would be one that never was.
            snapshot = _snapshot.ReplayFrom < _logStart ? ObserverSnapshot.None : _snapshot;
            for (var at = _index.Find(snapshot.ReplayFrom); _index.TryGet(at, out var batch); at = _index.Next(at))
                batches.Add(batch);
        }
        ObserverReplay.Run(observer, _context.Journal, batches, snapshot);
        Observer = observer;
    }

    /// <summary>Part of the commit: remembers the last end that became durable.</summary>
    /// <returns>True for the first since <see cref="PublishDurable"/>.</returns>
    public bool NoteDurable(in DurableMark mark)
    {
        _reached = mark;
        bool first = !_isReached;
        _isReached = true;
        return first;
    }

    public void PublishDurable()
    {
        _isReached = false;
        lock (_lock)
        {
            if (_reached.Truncations != _truncations)
                return;
            Volatile.Write(ref _durableEnd, _reached.EndOffset);
        }
        Observer?.OnDurable(new Offset(_reached.EndOffset));
    }

    /// <summary>Writes a change to the journal, waiting for room, and lets it take effect.</summary>
    private void Change(EntryKind kind, ReadOnlySpan<byte> payload, Func<bool> isNeeded, Action apply)
    {
        var journal = _context.Journal;
        while (true)
        {
            lock (journal.AppendLock)
            {
                ThrowIfDeleted();
                if (!isNeeded())
                    return;
                if (journal.TryAppend(kind, Handle, payload, default, out _))
                {
                    apply();
                    Track();
                    break;
                }
            }
            journal.Space.WaitAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        journal.Commits.Start();
    }

    private void Touch()
    {
        var current = _context.Segments.Current;
        if (_touchedSegment == current.Number)
            return;
        _touchedSegment = current.Number;
        _truncatedTo = long.MaxValue;
        current.Touched.Add(this);
    }

    private void Track() => _context.Journal.Commits.Track(
        new DurableMark(this, _context.Journal.TailAddress, _logEnd, _truncations));

    private void CheckBatch(in RecordBatchHeader batch, long sizeBytes)
    {
        if (batch.TotalSizeBytes != sizeBytes || sizeBytes > _context.MaxBatchBytes)
        {
            throw new ArgumentException(
                $"{Partition}: a batch of {sizeBytes} bytes says it has {batch.TotalSizeBytes}; at most " +
                $"{_context.MaxBatchBytes} fit.");
        }
        bool holdsLogStart = _logStart == _logEnd && batch.NextOffset.Value > _logEnd;
        if ((batch.BaseOffset.Value < _logEnd && !holdsLogStart) || batch.LastOffsetDelta < 0)
        {
            throw new ArgumentException(
                $"{Partition}: a batch at offset {batch.BaseOffset} with last offset delta {batch.LastOffsetDelta} does not " +
                $"follow the log end offset {_logEnd}.");
        }
    }

    private void ThrowIfDeleted()
    {
        if (IsDeleted)
            throw new LogStoreException($"{Partition}: the log was deleted.");
    }
}
