namespace Loire.Log;

/// <summary>What the partitions of a store share.</summary>
internal sealed class PartitionContext(SegmentTable segments, int maxBatchBytes, Action<PartitionLog> onDeleted)
{
    private Journal? _journal;

    public SegmentTable Segments => segments;
    public int MaxBatchBytes => maxBatchBytes;

    /// <summary>Set once recovery has found where the journal goes on.</summary>
    public Journal Journal
    {
        get => _journal ?? throw new InvalidOperationException("The journal is still being recovered.");
        set => _journal = value;
    }

    public void OnDeleted(PartitionLog partition) => onDeleted(partition);
}
