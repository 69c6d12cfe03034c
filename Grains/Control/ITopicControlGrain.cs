using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>What brokers ask of a topic's controller; <see cref="IClusterControl"/> says what the calls mean. The key is the
/// topic's name. Refusals are <see cref="LoireException"/>s. The timeouts are short: after a silo's death a call may wait for
/// an activation that is no more, and elections must not.</summary>
[Alias("Loire.ITopicControlGrain")]
internal interface ITopicControlGrain : IGrainWithStringKey
{
    /// <returns>True also while it is being created.</returns>
    [Alias("ExistsAsync"), ResponseTimeout("00:00:03")]
    Task<bool> ExistsAsync();

    /// <summary>The partitions that a broker holds replicas of, or is to. Read from the storage, behind all changes that are under
    /// way here.</summary>
    [Alias("FindReplicasAsync"), ResponseTimeout("00:00:05")]
    Task<ImmutableArray<int>> FindReplicasAsync(NodeId broker);

    [Alias("SettleAsync"), ResponseTimeout("00:00:03")]
    Task<TopicRecord?> SettleAsync(BrokerGeneration? started);

    [Alias("CreateTopicAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> CreateTopicAsync(NewTopic topic, bool validateOnly);

    [Alias("DeleteTopicAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> DeleteTopicAsync(Guid topicId);

    [Alias("CreatePartitionsAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> CreatePartitionsAsync(
        int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments, bool validateOnly);

    [Alias("SetConfigsAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> SetConfigsAsync(ImmutableSortedDictionary<string, string> overrides, long version);

    [Alias("AlterInSyncAsync"), ResponseTimeout("00:00:03")]
    Task<TopicRecord> AlterInSyncAsync(Guid topicId, int partition, InSyncProposal proposal);

    [Alias("ReplicaLostAsync"), ResponseTimeout("00:00:05")]
    Task<TopicRecord> ReplicaLostAsync(Guid topicId, int partition, NodeId replica);

    [Alias("ReassignAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> ReassignAsync(int partition, ImmutableArray<NodeId>? target);

    [Alias("ElectAsync"), ResponseTimeout("00:00:10")]
    Task<TopicRecord> ElectAsync(int partition, bool isUnclean);
}
