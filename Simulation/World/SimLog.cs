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
/// <param name="Offset">Where the log was cut, or starts.</param>
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
    public (byte[] State, int EntryCount)? Checkpoint { get; set; }
    public Offset LogStartOffset { get; private set; }
    public Offset LogEndOffset { get; private set; }

    /// <summary>A cut counts at once: what it dropped is no longer durable, whatever a sync under way brings.</summary>
    public Offset DurableEndOffset =>
        _volatileCuts.Count == 0 ? _writtenEnd : Offset.Min(_writtenEnd, _volatileCuts.Min());

    public long SizeBytes => Batches.Sum(batch => (long)batch.Bytes.Length);

    public bool TryAppend(ReadOnlySpan<byte> header, in ReadOnlySequence<byte> records)
    {
        var parsed = RecordBatchHeader.Read(header);
        if (parsed.BaseOffset != LogEndOffset) throw new InvariantViolation($"{partition}: gap in the log at {LogEndOffset}");
        var bytes = new byte[header.Length + records.Length];
        header.CopyTo(bytes);
        records.CopyTo(bytes.AsSpan(header.Length));
        Write(new JournalEntry(this, EntryKind.Append, new SimBatch(parsed, bytes), default));
        return true;
    }

    public void TruncateTo(Offset end)
    {
        _volatileCuts.Enqueue(end);
        Write(new JournalEntry(this, EntryKind.Truncate, null, end));
    }

    public void AdvanceLogStart(Offset logStart) => Write(new JournalEntry(this, EntryKind.LogStart, null, logStart));

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
        var first = 0;
        if (Checkpoint is { } checkpoint)
        {
            observer.Restore(checkpoint.State);
            first = checkpoint.EntryCount;
        }

        foreach (var entry in entries.Skip(first).Where(entry => entry.Log == this))
        {
            if (entry.Batch is { } batch) observer.ReplayAppend(batch.Header);
            else if (entry.Kind == EntryKind.Truncate) observer.ReplayTruncate(entry.Offset);
        }
    }

    public void MakeCheckpoint(int entryCount)
    {
        if (_observer is null) return;
        var state = new ArrayBufferWriter<byte>();
        _observer.WriteSnapshot(state);
        Checkpoint = (state.WrittenSpan.ToArray(), entryCount);
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
    }

    public void TellDurable() => _observer?.OnDurable(DurableEndOffset);

    public void OnFailed(LogStoreException failure) => _observer?.OnFailed(failure);

    private void Write(in JournalEntry entry)
    {
        disk.Add(entry);
        Apply(entry);
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
                if (end != (Batches.Count == 0 ? LogStartOffset : Batches[^1].Next))
                {
                    throw new InvariantViolation($"{partition}: cut at {end}, in the middle of a batch");
                }

                LogEndOffset = end;
                VerifiedTo = Offset.Min(VerifiedTo, end);
                break;
            default:
                LogStartOffset = entry.Offset;
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
