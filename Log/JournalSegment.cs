namespace Loire.Log;

/// <summary>What keeps a segment alive: blocks with batches in it, and readers.</summary>
internal sealed class JournalSegment(int number, Action unreferenced) : IDisposable
{
    private int _references;
    private int _readers;

    public int Number => number;
    public bool IsReferenced => Volatile.Read(ref _references) > 0;

    /// <summary>The partitions that have an entry of any kind here. Under the journal's append lock.</summary>
    public List<PartitionLog> Touched { get; } = [];
    public SegmentIndexFile? Index { get; set; }

    /// <summary>Whether batches are read that were looked up before.</summary>
    public bool IsRead => Volatile.Read(ref _readers) > 0;

    /// <summary>Bytes of batches that its file was last found to hold, dead or not; -1 before it was looked at.</summary>
    public long KeptBytes { get; set; } = -1;

    /// <summary>Called by who holds a partition's lock and a block of this segment, or the append lock and this is the segment
    /// appended to: so never on a segment that is being removed.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
            unreferenced();
    }

    /// <summary>Keeps the segment, and keeps it as it is, while batches are read that were looked up in it. As
    /// <see cref="AddReference"/>.</summary>
    public void BeginRead()
    {
        AddReference();
        Interlocked.Increment(ref _readers);
    }

    public void EndRead()
    {
        Interlocked.Decrement(ref _readers);
        Release();
    }

    public void Dispose() => Index?.Dispose();
}
