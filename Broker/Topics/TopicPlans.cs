using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Topics;

/// <summary>What a request for topics or configs becomes, or why it is refused, as far as that can be said without knowing
/// the other topics. Shared by all controllers.</summary>
public static class TopicPlans
{
    /// <exception cref="KafkaException">INVALID_TOPIC_EXCEPTION, INVALID_REQUEST, INVALID_PARTITIONS,
    /// INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, POLICY_VIOLATION.</exception>
    public static TopicPlan Create(NewTopic topic, BrokerConfig config, ImmutableArray<PlacementBroker> brokers)
    {
        if (TopicNames.FindFault(topic.Name) is { } fault)
            throw new KafkaException(ErrorCode.InvalidTopicException, fault);
        if (topic.Name == TopicNames.ClusterMetadata)
            throw new KafkaException(ErrorCode.InvalidRequest, $"Topic {topic.Name} is Kafka's own and cannot be created.");

        var overrides = TopicOverrides(topic.ConfigOverrides);
        return new TopicPlan(TopicPlacement.Place(topic, config, brokers), overrides);
    }

    /// <summary>A topic's overrides in canonical form.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG.</exception>
    public static ImmutableSortedDictionary<string, string> TopicOverrides(IEnumerable<KeyValuePair<string, string>> overrides) =>
        TopicConfigTable.Table.Normalize(overrides);

    /// <summary>The brokers' overrides in canonical form.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG: also for what cannot be changed on a running broker.</exception>
    public static ImmutableSortedDictionary<string, string> BrokerOverrides(IEnumerable<KeyValuePair<string, string>> overrides)
    {
        var normalized = BrokerConfigTable.Table.Normalize(overrides);
        foreach (var name in normalized.Keys)
        {
            if (!BrokerConfigTable.Table.Get(name).IsDynamic)
            {
                throw new KafkaException(
                    ErrorCode.InvalidConfig,
                    $"The broker config {name} cannot be changed on a running broker: set it in the host's configuration.");
            }
        }

        return normalized;
    }

    public static KafkaException AlreadyExists(TopicName topic) =>
        new(ErrorCode.TopicAlreadyExists, $"Topic '{topic}' already exists.");

    /// <summary>Another topic's name differs by '.' and '_' alone.</summary>
    public static KafkaException Collides(TopicName topic, TopicName other) => new(
        ErrorCode.InvalidTopicException,
        $"Topic '{topic}' collides with '{other}': metric names cannot tell '.' and '_' apart.");

    public static KafkaException Unknown(TopicName topic) =>
        new(ErrorCode.UnknownTopicOrPartition, $"Topic '{topic}' does not exist.");

    public static KafkaException Unknown(TopicId topic) =>
        new(ErrorCode.UnknownTopicId, $"There is no topic with the id {topic}.");
}

/// <summary>A topic to be.</summary>
/// <param name="Placements">Replicas by partition, the preferred leader first.</param>
/// <param name="ConfigOverrides">In canonical form.</param>
public sealed record TopicPlan(
    ImmutableArray<ImmutableArray<NodeId>> Placements, ImmutableSortedDictionary<string, string> ConfigOverrides);
