using Loire.Broker.Control;

namespace Loire.Cluster.Replicas;

/// <summary>How often in-sync sets of partitions that this broker leads shrank and grew.</summary>
internal sealed class InSyncChanges
{
    private long _shrinks;
    private long _expands;

    public long Shrinks => Volatile.Read(ref _shrinks);

    public long Expands => Volatile.Read(ref _expands);

    public void Count(PartitionState before, PartitionState after)
    {
        if (before.InSync.Any(node => !after.InSync.Contains(node))) Interlocked.Increment(ref _shrinks);
        if (after.InSync.Any(node => !before.InSync.Contains(node))) Interlocked.Increment(ref _expands);
    }
}
