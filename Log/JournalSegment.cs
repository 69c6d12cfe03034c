namespace Loire.Log;

/// <summary>What keeps a segment alive: blocks with batches in it, and readers.</summary>
internal sealed class JournalSegment(int number, Action unreferenced) : IDisposable
{
    private int _references;

    public int Number => number;
    public bool IsReferenced => Volatile.Read(ref _references) > 0;

    /// <summary>The partitions that have an entry of any kind here. Under the journal's append lock.</summary>
    public List<PartitionLog> Touched { get; } = [];
    public SegmentIndexFile? Index { get; set; }

    /// <summary>Called by who holds a partition's lock and a block of this segment, or the append lock and this is the segment
    /// appended to: so never on a segment that is being removed.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
            unreferenced();
    }

    public void Dispose() => Index?.Dispose();
}
