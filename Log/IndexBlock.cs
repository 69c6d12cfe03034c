namespace Loire.Log;

/// <summary>The batches of one partition in one segment, in offset order. Grows in memory while the segment does; once the
/// segment is full its entries are those of the segment's index file. While it exists the segment stays.</summary>
internal sealed class IndexBlock
{
    private const int InitialCapacity = 4;

    private IndexEntry[]? _memory;
    private SegmentIndexFile? _file;
    private int _start;

    public IndexBlock(JournalSegment segment)
    {
        Segment = segment;
        _memory = new IndexEntry[InitialCapacity];
        segment.AddReference();
    }

    public IndexBlock(JournalSegment segment, SegmentIndexFile file, in SegmentIndexRecord record)
    {
        Segment = segment;
        _file = file;
        _start = record.FirstEntry;
        Count = record.Count;
        SizeBytes = record.SizeBytes;
        MaxTimestamp = record.MaxTimestamp;
        EndOffset = record.EndOffset;
        segment.AddReference();
    }

    public JournalSegment Segment { get; }
    public int Count { get; private set; }

    /// <summary>Bytes of the batches.</summary>
    public long SizeBytes { get; private set; }
    public long MaxTimestamp { get; private set; } = long.MinValue;

    /// <summary>The offset after the last batch.</summary>
    public long EndOffset { get; private set; }

    public ReadOnlySpan<IndexEntry> Entries =>
        _memory is { } memory ? memory.AsSpan(0, Count) : _file!.Entries.Slice(_start, Count);

    public void Add(in IndexEntry entry)
    {
        if (_memory is null)
            throw new InvalidOperationException("The segment of this block is full.");
        if (Count == _memory.Length)
            Array.Resize(ref _memory, Count * 2);
        _memory[Count++] = entry;
        SizeBytes += entry.SizeBytes;
        MaxTimestamp = Math.Max(MaxTimestamp, entry.MaxTimestamp);
        EndOffset = entry.NextOffset;
    }

    /// <summary>Keeps the first <paramref name="count"/> batches, at least one.</summary>
    public void CutTo(int count)
    {
        foreach (ref readonly var dropped in Entries[count..])
            SizeBytes -= dropped.SizeBytes;
        Count = count;
        MaxTimestamp = long.MinValue;
        foreach (ref readonly var kept in Entries)
            MaxTimestamp = Math.Max(MaxTimestamp, kept.MaxTimestamp);
        EndOffset = Entries[^1].NextOffset;
    }

    /// <summary>The entries as they are now. What is cut off later stays in this memory, and nothing is added once the
    /// segment is full.</summary>
    public ReadOnlyMemory<IndexEntry> Detach() =>
        _memory.AsMemory(0, Count);

    /// <summary>Goes over to the segment's index file, which holds what memory held when the segment became full.</summary>
    public void MoveTo(SegmentIndexFile file, int start)
    {
        _file = file;
        _start = start;
        _memory = null;
    }

    /// <summary>Takes the entries into memory, where more can be added.</summary>
    public void MoveToMemory()
    {
        var memory = new IndexEntry[Math.Max(Count, InitialCapacity)];
        Entries.CopyTo(memory);
        _memory = memory;
        _file = null;
    }

    public void Drop() => Segment.Release();
}
