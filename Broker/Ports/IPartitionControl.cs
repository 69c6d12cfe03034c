using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Moves partitions between brokers and elects their leaders, as operators ask for it.</summary>
public interface IPartitionControl
{
    /// <summary>The moves that are under way, as far as this broker knows.</summary>
    ImmutableArray<PartitionMove> Moves { get; }

    /// <summary>Starts to move a partition, or takes the move back that is under way (KIP-455).</summary>
    /// <param name="target">The replicas to end with, the preferred leader first; null to cancel.</param>
    /// <exception cref="KafkaException">UNKNOWN_TOPIC_OR_PARTITION, NO_REASSIGNMENT_IN_PROGRESS or
    /// INVALID_REPLICA_ASSIGNMENT.</exception>
    Task ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken);

    /// <summary>Lets the preferred replica lead, or, where no in-sync replica is up, any that is (KIP-460).</summary>
    /// <exception cref="KafkaException">UNKNOWN_TOPIC_OR_PARTITION, ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE or
    /// ELIGIBLE_LEADERS_NOT_AVAILABLE.</exception>
    Task ElectAsync(TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken);
}

/// <summary>A partition on its way to other brokers.</summary>
/// <param name="Replicas">All of now: the target's, then those that will leave.</param>
public sealed record PartitionMove(
    TopicName Topic,
    PartitionIndex Partition,
    ImmutableArray<NodeId> Replicas,
    ImmutableArray<NodeId> Adding,
    ImmutableArray<NodeId> Removing);
