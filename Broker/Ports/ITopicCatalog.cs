using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>The durable list of topics and configs. A change is on disk before it is announced in
/// <see cref="Current"/> and before its task completes.</summary>
public interface ITopicCatalog
{
    MetadataSnapshot Current { get; }

    /// <summary>The broker configs behind <see cref="Current"/>: those of the host and those set by clients.</summary>
    ConfigLayers Configs { get; }

    /// <summary>Calls <paramref name="listener"/> from now on after each change that was announced.</summary>
    void Subscribe(ICatalogListener listener);

    /// <exception cref="KafkaException">TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS,
    /// INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST, POLICY_VIOLATION,
    /// KAFKA_STORAGE_ERROR.</exception>
    /// <returns>The topic as announced; with <paramref name="validateOnly"/>, as it would be.</returns>
    Task<TopicMetadata> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken);

    /// <exception cref="KafkaException">UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID.</exception>
    Task DeleteTopicAsync(TopicId topic, CancellationToken cancellationToken);

    /// <summary>Grows a topic to <paramref name="totalCount"/> partitions.</summary>
    /// <exception cref="KafkaException">UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS,
    /// INVALID_REPLICA_ASSIGNMENT.</exception>
    Task CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken);

    /// <summary>Replaces the overrides of a topic or of the brokers by what <paramref name="change"/> makes of them. The
    /// change is applied under the catalog's lock, hence never lost to a concurrent one.</summary>
    /// <exception cref="KafkaException">UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG.</exception>
    Task AlterConfigsAsync(
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken);

    /// <summary>What was set on a resource itself, by config name.</summary>
    ImmutableSortedDictionary<string, string> GetOverrides(ConfigResource resource);
}

/// <summary>Reacts to changes. Called one change at a time, after it was announced; must not block.</summary>
public interface ICatalogListener
{
    void OnTopicChanged(TopicMetadata topic)
    {
    }

    void OnTopicDeleted(TopicMetadata topic)
    {
    }

    void OnBrokerConfigChanged(BrokerConfig config)
    {
    }
}

/// <param name="PartitionCount">-1 for the broker's default.</param>
/// <param name="ReplicationFactor">-1 for the broker's default.</param>
/// <param name="Assignments">Replicas by partition, the preferred leader first; null to let the engine place them.</param>
public sealed record NewTopic(
    TopicName Name,
    int PartitionCount,
    short ReplicationFactor,
    ImmutableArray<ImmutableArray<NodeId>>? Assignments,
    ImmutableSortedDictionary<string, string> ConfigOverrides);

/// <summary>What a config belongs to: a topic by name, a broker by id, or all brokers (empty name).</summary>
public readonly record struct ConfigResource(ConfigResourceType Type, string Name);

/// <summary>Numbers as in the requests.</summary>
public enum ConfigResourceType : sbyte
{
    Unknown = 0,
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}
