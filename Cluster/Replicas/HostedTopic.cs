using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>A topic and the replicas of it that are on this broker, by partition; null where there is none. Immutable.</summary>
/// <param name="HasRoles">The record's roles have been handed out.</param>
internal sealed record HostedTopic(TopicRecord Record, ImmutableArray<PartitionReplica?> Replicas, bool HasRoles)
{
    public bool Has(PartitionIndex partition) => (uint)partition.Value < (uint)Replicas.Length;

    public PartitionReplica? Find(int partition) => partition < Replicas.Length ? Replicas[partition] : null;

    /// <summary>Whether a partition's replica, if it is here, has this state already.</summary>
    public bool Knows(int partition, PartitionState state) =>
        HasRoles && Find(partition) is not null && Record.Control.Partitions[partition].PartitionEpoch == state.PartitionEpoch;
}
