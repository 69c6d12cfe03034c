namespace Loire.Broker.Partitions;

/// <summary>A partition's local replica: a lock around a core.</summary>
public sealed class PartitionReplica
{
}
