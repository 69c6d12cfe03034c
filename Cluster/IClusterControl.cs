using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>A broker's way to the controllers. What a call returns is persisted, and the caller's view is to learn it. All
/// may be repeated. They throw <see cref="KafkaException"/> for what is refused, and
/// <see cref="ControlUnavailableException"/> while a controller or its storage cannot be reached; what then became of the
/// change is not known.</summary>
public interface IClusterControl
{
    /// <summary>Adds this broker to the cluster, or notes that it runs anew: <paramref name="started"/>'s generation is
    /// replaced by the next one.</summary>
    /// <exception cref="KafkaException">DUPLICATE_BROKER_REGISTRATION: another broker of this id is alive;
    /// INCONSISTENT_CLUSTER_ID: the data directory belongs to another cluster; UNSUPPORTED_VERSION: the brokers that run speak
    /// another level of the brokers' protocol.</exception>
    /// <param name="clusterId">What the data directory says; null for a new one.</param>
    Task<ClusterRecord> RegisterAsync(
        BrokerEndpoint endpoint, BrokerGeneration started, string? clusterId, CancellationToken cancellationToken);

    /// <summary>Notes that a broker hands its leaderships over. Of another run than its present one nothing is noted.</summary>
    Task<ClusterRecord> DrainAsync(NodeId broker, long generation, CancellationToken cancellationToken);

    /// <summary>Takes back that a broker hands its leaderships over: it may be elected again.</summary>
    Task<ClusterRecord> UndrainAsync(NodeId broker, long generation, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBrokerRegistry.UnregisterAsync"/>
    Task<ClusterRecord> UnregisterAsync(NodeId broker, CancellationToken cancellationToken);

    /// <summary>The cluster as it is now.</summary>
    Task<ClusterRecord> ReadClusterAsync(CancellationToken cancellationToken);

    /// <summary>Replaces what was set on the brokers (empty name: on all).</summary>
    /// <param name="version">Of the record the change was made from; INVALID_UPDATE_VERSION where it is not the
    /// newest.</param>
    Task<ClusterRecord> SetBrokerConfigsAsync(
        string broker, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken);

    /// <summary>The names of all topics that were ever created and are not known to be gone.</summary>
    Task<ImmutableArray<TopicName>> ListTopicsAsync(CancellationToken cancellationToken);

    /// <summary>Lets the controller of a topic settle it: elections where they are due.</summary>
    /// <param name="started">This broker's run, to be noted before it takes a role; null where it is noted.</param>
    /// <returns>Null where there was never a topic of this name.</returns>
    Task<TopicRecord?> SettleAsync(TopicName topic, BrokerGeneration? started, CancellationToken cancellationToken);

    /// <inheritdoc cref="ITopicCatalog.CreateTopicAsync"/>
    Task<TopicRecord> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken);

    /// <returns>The record that says that it is deleted.</returns>
    Task<TopicRecord> DeleteTopicAsync(TopicName topic, TopicId id, CancellationToken cancellationToken);

    /// <inheritdoc cref="ITopicCatalog.CreatePartitionsAsync"/>
    Task<TopicRecord> CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken);

    /// <summary>Replaces a topic's overrides.</summary>
    /// <param name="version">Of the record the change was made from; INVALID_UPDATE_VERSION where it is not the
    /// newest.</param>
    Task<TopicRecord> SetTopicConfigsAsync(
        TopicName topic, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken);

    /// <summary>Passes a leader's proposal on.</summary>
    /// <returns>The topic as it is now, whether the proposal was granted or refused.</returns>
    Task<TopicRecord> AlterInSyncAsync(
        TopicIdPartition partition, InSyncProposal proposal, CancellationToken cancellationToken);

    /// <summary>Gives up a replica's damaged log before it is fetched again.</summary>
    /// <exception cref="KafkaException">ELIGIBLE_LEADERS_NOT_AVAILABLE: nobody else is in sync and up.</exception>
    Task<TopicRecord> ReplicaLostAsync(TopicIdPartition partition, NodeId replica, CancellationToken cancellationToken);

    /// <param name="target">The replicas to end with; null to cancel what is under way.</param>
    Task<TopicRecord> ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken);

    Task<TopicRecord> ElectAsync(
        TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken);

    /// <summary>The first of a block of producer ids that nobody else gets.</summary>
    Task<long> ReserveProducerIdsAsync(int count, CancellationToken cancellationToken);
}

/// <summary>A controller, or where it keeps its state, cannot be reached now. Brokers go on with what they know.</summary>
public sealed class ControlUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
