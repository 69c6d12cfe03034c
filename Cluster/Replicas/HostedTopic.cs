using System.Collections.Immutable;
using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>A topic and the replicas of it that are on this broker, by partition; null where there is none. Immutable.</summary>
internal sealed record HostedTopic(TopicRecord Record, ImmutableArray<PartitionReplica?> Replicas)
{
    public bool Has(PartitionIndex partition) => (uint)partition.Value < (uint)Replicas.Length;

    public PartitionReplica? Find(int partition) => partition < Replicas.Length ? Replicas[partition] : null;

    public TopicIdPartition Id(int partition) => new(Record.Id, Record.Name, new PartitionIndex(partition));
}
