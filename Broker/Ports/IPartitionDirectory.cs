using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Finds the local replica that leads a partition, or says who leads it.</summary>
public interface IPartitionDirectory
{
    PartitionLookup Find(TopicName topic, PartitionIndex partition);
    PartitionLookup Find(TopicId topic, PartitionIndex partition);

    /// <summary>As without <paramref name="known"/>; a broker that hears of a leader epoch that is newer than all it knows
    /// finds out what it has missed.</summary>
    /// <param name="known">The leader epoch that the asker knows; none where it does not say.</param>
    PartitionLookup Find(TopicName topic, PartitionIndex partition, LeaderEpoch known) => Find(topic, partition);

    /// <inheritdoc cref="Find(TopicName, PartitionIndex, LeaderEpoch)"/>
    PartitionLookup Find(TopicId topic, PartitionIndex partition, LeaderEpoch known) => Find(topic, partition);
}

/// <param name="Error">NONE where <paramref name="Replica"/> is set; else UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID,
/// NOT_LEADER_OR_FOLLOWER, LEADER_NOT_AVAILABLE or KAFKA_STORAGE_ERROR.</param>
/// <param name="Leader">Who leads, as far as known (KIP-951).</param>
/// <param name="Follower">The local replica where it follows another broker's (then the error is NOT_LEADER_OR_FOLLOWER):
/// consumers may read it up to its high watermark (KIP-392).</param>
public readonly record struct PartitionLookup(
    ErrorCode Error, PartitionReplica? Replica, NodeId Leader, LeaderEpoch LeaderEpoch, PartitionReplica? Follower = null);
