using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Cluster.Catalog;

/// <summary>A topic's record as clients see it.</summary>
internal static class TopicDescriber
{
    public static TopicMetadata Describe(TopicRecord topic, BrokerStatuses brokers, ConfigLayers configs) => new(
        topic.Name,
        topic.Id,
        TopicNames.IsInternal(topic.Name),
        [.. topic.Control.Partitions.Select((state, index) => Describe(new PartitionIndex(index), state, brokers))],
        configs.ResolveTopic(topic.ConfigOverrides),
        topic.ConfigOverrides);

    /// <summary>What clients see when the brokers or their settings changed; the same object where that is
    /// nothing.</summary>
    public static TopicMetadata Renew(TopicMetadata topic, BrokerStatuses brokers, ConfigLayers configs)
    {
        var config = configs.ResolveTopic(topic.ConfigOverrides);
        var partitions = topic.Partitions.ToBuilder();
        var isSame = config == topic.Config;
        for (var i = 0; i < partitions.Count; i++)
        {
            var offline = Offline(partitions[i].Replicas, brokers);
            if (offline.SequenceEqual(partitions[i].OfflineReplicas)) continue;
            partitions[i] = partitions[i] with { OfflineReplicas = offline };
            isSame = false;
        }

        return isSame ? topic : topic with { Config = config, Partitions = partitions.ToImmutable() };
    }

    private static PartitionMetadata Describe(PartitionIndex index, PartitionState state, BrokerStatuses brokers) =>
        new(index, state.Leader, state.LeaderEpoch, state.Replicas, state.InSync, Offline(state.Replicas, brokers));

    private static ImmutableArray<NodeId> Offline(ImmutableArray<NodeId> replicas, BrokerStatuses brokers) =>
        [.. replicas.Where(node => !brokers.IsLive(node))];
}
