using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Simulation.World;

internal enum EntryKind : byte
{
    Append,
    Truncate,
    LogStart,
}

/// <param name="Batch">What was appended.</param>
/// <param name="Offset">Where the log ends after it was cut, or starts.</param>
internal readonly record struct JournalEntry(SimLog Log, EntryKind Kind, SimBatch? Batch, Offset Offset);

internal sealed record SimBatch(RecordBatchHeader Header, byte[] Bytes)
{
    public Offset Base => Header.BaseOffset;
    public Offset Next => Header.NextOffset;

    public override string ToString() =>
        $"{Base}..{Next} e{Header.PartitionLeaderEpoch}" + (Header.HasProducerId ? $" of {Header.ProducerId} #{Header.BaseSequence}" : "");

    /// <summary>The same records, written under the same leader at the same place.</summary>
    public bool IsSame(SimBatch other) =>
        Base == other.Base
        && Next == other.Next
        && Header.PartitionLeaderEpoch == other.Header.PartitionLeaderEpoch
        && Header.Crc == other.Header.Crc;
}

/// <summary>One partition's log in a simulated journal.</summary>
internal sealed class SimLog(SimDisk disk, TopicIdPartition partition) : IPartitionLog
{
    private readonly Queue<Offset> _volatileCuts = new();
    private IPartitionLogObserver? _observer;
    private Offset _writtenEnd;

    public TopicIdPartition Partition => partition;
    public List<SimBatch> Batches { get; } = [];

    /// <summary>How far the checker has compared this log with what is committed.</summary>
    public Offset VerifiedTo { get; set; }
    public (byte[] State, Offset End, int EntryCount)? Checkpoint { get; set; }
    public Offset LogStartOffset { get; private set; }
    public Offset LogEndOffset { get; private set; }

    /// <summary>A cut counts at once: what it dropped is no longer durable, whatever a sync under way brings.</summary>
    public Offset DurableEndOffset =>
        _volatileCuts.Count == 0 ? _writtenEnd : Offset.Min(_writtenEnd, _volatileCuts.Min());

    public long SizeBytes => Batches.Sum(batch => (long)batch.Bytes.Length);

    public bool TryAppend(ReadOnlySpan<byte> header, in ReadOnlySequence<byte> records)
    {
        var parsed = RecordBatchHeader.Read(header);
        var holdsLogStart = LogStartOffset == LogEndOffset && parsed.BaseOffset < LogEndOffset && parsed.NextOffset > LogEndOffset;
        if (parsed.BaseOffset != LogEndOffset && !holdsLogStart)
        {
            throw new InvariantViolation($"{partition}: gap in the log at {LogEndOffset}");
        }

        var bytes = new byte[header.Length + records.Length];
        header.CopyTo(bytes);
        records.CopyTo(bytes.AsSpan(header.Length));
        return TryWrite(new JournalEntry(this, EntryKind.Append, new SimBatch(parsed, bytes), default));
    }

    /// <summary>A batch that reaches beyond the end goes whole.</summary>
    public void TruncateTo(Offset end)
    {
        if (end >= LogEndOffset) return;
        var first = IndexOf(end);
        if (first < Batches.Count) end = Offset.Min(end, Batches[first].Base);
        _volatileCuts.Enqueue(end);
        TryWrite(new JournalEntry(this, EntryKind.Truncate, null, end));
    }

    public void AdvanceLogStart(Offset logStart) => TryWrite(new JournalEntry(this, EntryKind.LogStart, null, logStart));

    public LogRead Read(Offset from, Offset limit, int maxBytes, bool atLeastOne)
    {
        if (from < LogStartOffset || from > LogEndOffset) return new LogRead(LogReadStatus.OutOfRange, null, from);
        var next = from;
        var size = 0;
        var found = new List<byte[]>();
        for (var i = IndexOf(from); i < Batches.Count && Batches[i].Next <= limit; i++)
        {
            if (size + Batches[i].Bytes.Length > maxBytes && !(atLeastOne && found.Count == 0)) break;
            found.Add(Batches[i].Bytes);
            size += Batches[i].Bytes.Length;
            next = Batches[i].Next;
        }

        return new LogRead(LogReadStatus.Ok, found.Count == 0 ? null : new SimRecords([.. found.SelectMany(bytes => bytes)]), next);
    }

    public TimestampedOffset? FindByTimestamp(long timestampMs, Offset limit) => throw new NotSupportedException();

    public TimestampedOffset? FindMaxTimestamp(Offset limit) => throw new NotSupportedException();

    public Offset FindRetentionStart(long? expireBeforeMs, long? retainBytes, Offset limit) => LogStartOffset;

    /// <summary>The first batch that ends behind <paramref name="offset"/>.</summary>
    public int IndexOf(Offset offset)
    {
        var low = 0;
        var high = Batches.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Batches[middle].Next <= offset) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    public void Observe(IPartitionLogObserver observer, List<JournalEntry> entries)
    {
        _observer = observer;
        var from = Offset.Zero;
        if (Checkpoint is { } checkpoint)
        {
            from = checkpoint.End;
            foreach (var cut in entries.Skip(checkpoint.EntryCount).Where(entry => entry.Log == this && entry.Kind == EntryKind.Truncate))
            {
                from = Offset.Min(from, cut.Offset);
            }

            // As in the real log: a state without the batches between its end and the log start never was.
            if (from >= LogStartOffset) observer.Restore(checkpoint.State);
            if (from >= LogStartOffset && from < checkpoint.End) observer.ReplayTruncate(from);
        }

        foreach (var batch in Batches.Where(batch => batch.Next > Offset.Max(from, LogStartOffset)))
        {
            observer.ReplayAppend(batch.Header);
        }
    }

    public void MakeCheckpoint(int entryCount)
    {
        if (_observer is null) return;
        var state = new ArrayBufferWriter<byte>();
        var end = _observer.WriteSnapshot(state);
        Checkpoint = (state.WrittenSpan.ToArray(), end, entryCount);
    }

    /// <summary>Applies an entry that survived a crash.</summary>
    public void Redo(in JournalEntry entry)
    {
        Apply(entry);
        _writtenEnd = LogEndOffset;
    }

    public void MakeDurable(in JournalEntry entry)
    {
        if (entry.Batch is { } batch) _writtenEnd = batch.Next;
        else if (entry.Kind == EntryKind.Truncate) _writtenEnd = Offset.Min(_writtenEnd, _volatileCuts.Dequeue());
        else _writtenEnd = Offset.Max(_writtenEnd, entry.Offset);
    }

    /// <param name="durableEnd">As it was when the sync ended: the log may have been cut since.</param>
    public void TellDurable(Offset durableEnd) => _observer?.OnDurable(durableEnd);

    public void OnFailed(LogStoreException failure) => _observer?.OnFailed(failure);

    private bool TryWrite(in JournalEntry entry)
    {
        if (!disk.TryAdd(entry)) return false;
        Apply(entry);
        return true;
    }

    private void Apply(in JournalEntry entry)
    {
        switch (entry.Kind)
        {
            case EntryKind.Append:
                Batches.Add(entry.Batch!);
                LogEndOffset = entry.Batch!.Next;
                break;
            case EntryKind.Truncate:
                var end = entry.Offset;
                Batches.RemoveAll(batch => batch.Next > end);
                LogEndOffset = end;
                LogStartOffset = Offset.Min(LogStartOffset, end);
                VerifiedTo = Offset.Min(VerifiedTo, end);
                break;
            default:
                LogStartOffset = entry.Offset;
                if (LogEndOffset >= LogStartOffset) break;
                Batches.Clear();
                LogEndOffset = VerifiedTo = LogStartOffset;
                break;
        }
    }
}

/// <summary>Batches that were read, in one piece.</summary>
internal sealed class SimRecords(byte[] bytes) : IRecordsSource
{
    public byte[] Bytes => bytes;
    public int SizeBytes => bytes.Length;

    public int CopyNext(IBufferWriter<byte> output, int sizeBytes)
    {
        output.Write(bytes);
        return bytes.Length;
    }

    public void Release()
    {
    }
}
