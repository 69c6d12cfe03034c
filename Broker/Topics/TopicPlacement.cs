using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Topics;

/// <summary>Decides how many partitions a topic gets and which brokers hold their replicas.</summary>
public static class TopicPlacement
{
    /// <summary>The most partitions one request may add, as in Kafka.</summary>
    public const int MaxPartitionsPerRequest = 10_000;

    /// <summary>Replicas by partition, the preferred leader first.</summary>
    /// <exception cref="KafkaException">INVALID_REQUEST, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
    /// INVALID_REPLICA_ASSIGNMENT, POLICY_VIOLATION.</exception>
    public static ImmutableArray<ImmutableArray<NodeId>> Place(
        NewTopic topic, BrokerConfig config, ImmutableArray<PlacementBroker> brokers)
    {
        if (topic.Assignments is { } assignments)
        {
            if (topic.PartitionCount != -1 || topic.ReplicationFactor != -1)
            {
                throw new KafkaException(
                    ErrorCode.InvalidRequest,
                    "With a replica assignment, the number of partitions and the replication factor have to be -1.");
            }

            CheckAdded(assignments.Length);
            CheckAssignments(assignments, null, brokers);
            return assignments;
        }

        if (topic.ReplicationFactor is 0 or < -1)
        {
            throw new KafkaException(
                ErrorCode.InvalidReplicationFactor,
                $"Replication factor {topic.ReplicationFactor}: expected 1 or more, or -1 for the default.");
        }

        if (topic.PartitionCount is 0 or < -1)
        {
            throw new KafkaException(
                ErrorCode.InvalidPartitions, $"{topic.PartitionCount} partitions: expected 1 or more, or -1 for the default.");
        }

        var replicas = topic.ReplicationFactor == -1 ? config.DefaultReplicationFactor : topic.ReplicationFactor;
        if (replicas > brokers.Length)
        {
            throw new KafkaException(
                ErrorCode.InvalidReplicationFactor,
                $"Replication factor {replicas} is more than the {brokers.Length} broker(s) of this cluster; "
                + $"ask for at most {brokers.Length}, or -1 for the default.");
        }

        var count = topic.PartitionCount == -1 ? config.NumPartitions : topic.PartitionCount;
        CheckAdded(count);
        return ReplicaSpread.Place(topic.Name, 0, count, replicas, brokers);
    }

    /// <summary>Replicas of the partitions that are added.</summary>
    /// <exception cref="KafkaException">INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT, POLICY_VIOLATION.</exception>
    /// <param name="present">How many there are.</param>
    /// <param name="replicas">How many a partition has.</param>
    public static ImmutableArray<ImmutableArray<NodeId>> Grow(
        TopicName topic,
        int present,
        int replicas,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        ImmutableArray<PlacementBroker> brokers)
    {
        if (totalCount <= present)
        {
            throw new KafkaException(
                ErrorCode.InvalidPartitions,
                totalCount == present
                    ? $"Topic {topic} already has {present} partition(s)."
                    : $"Topic {topic} has {present} partition(s), and partitions cannot be taken away: {totalCount} would.");
        }

        var added = totalCount - present;
        CheckAdded(added);
        if (assignments is not { } given)
            return ReplicaSpread.Place(topic, present, added, Math.Min(replicas, brokers.Length), brokers);
        if (given.Length != added)
        {
            throw new KafkaException(
                ErrorCode.InvalidReplicaAssignment, $"{added} partition(s) are added, but {given.Length} assignment(s) were given.");
        }

        CheckAssignments(given, replicas, brokers);
        return given;
    }

    private static void CheckAdded(int count)
    {
        if (count > MaxPartitionsPerRequest)
        {
            throw new KafkaException(
                ErrorCode.PolicyViolation, $"{count} partitions are too many for one request: the most are {MaxPartitionsPerRequest}.");
        }
    }

    private static void CheckAssignments(
        ImmutableArray<ImmutableArray<NodeId>> assignments, int? replicas, ImmutableArray<PlacementBroker> brokers)
    {
        if (assignments.IsEmpty)
            throw new KafkaException(ErrorCode.InvalidReplicaAssignment, "The replica assignment is empty.");
        var expected = replicas ?? assignments[0].Length;
        foreach (var assignment in assignments)
        {
            if (assignment.IsEmpty)
                throw Invalid("includes an empty replica list");
            var unknown = assignment.FirstOrDefault(node => !brokers.Any(broker => broker.Node == node), NodeId.None);
            if (unknown != NodeId.None)
                throw Invalid($"names broker {unknown}, which is not in this cluster");
            if (assignment.Distinct().Count() != assignment.Length)
                throw Invalid("names a broker twice for one partition");
            if (assignment.Length != expected)
                throw Invalid($"has {assignment.Length} replica(s) for a partition where {expected} are expected");
        }

        static KafkaException Invalid(string fault) =>
            new(ErrorCode.InvalidReplicaAssignment, $"The replica assignment {fault}.");
    }
}
