using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Broker.Topics;

namespace Loire.Broker.Groups;

/// <summary>__consumer_offsets as it is created at the first FindCoordinator.</summary>
public static class OffsetsTopic
{
    private static readonly ImmutableSortedDictionary<string, string> Overrides =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)
            .Add("cleanup.policy", "compact")
            .Add("compression.type", "producer");

    /// <param name="brokers">How many there are: it gets no more replicas.</param>
    public static NewTopic Describe(BrokerConfig config, int brokers)
    {
        var replicas = (short)Math.Clamp(config.OffsetsTopicReplicationFactor, 1, Math.Max(1, brokers));
        return new NewTopic(TopicNames.ConsumerOffsets, config.OffsetsTopicPartitions, replicas, Assignments: null, Overrides);
    }
}
