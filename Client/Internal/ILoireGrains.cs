using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>The grains that a client talks to.</summary>
internal interface ILoireGrains
{
    IClusterGrain Cluster { get; }

    ITopicGrain Topic(string topic);

    IPartitionGrain Partition(string topic, int partition);

    IConsumerGroupGrain Group(string groupId);
}

internal sealed class LoireGrains(IGrainFactory factory) : ILoireGrains
{
    public IClusterGrain Cluster => factory.GetGrain<IClusterGrain>(IClusterGrain.Key);

    public ITopicGrain Topic(string topic) => factory.GetGrain<ITopicGrain>(topic);

    public IPartitionGrain Partition(string topic, int partition) =>
        factory.GetGrain<IPartitionGrain>(PartitionKey.Of(topic, partition));

    public IConsumerGroupGrain Group(string groupId) => factory.GetGrain<IConsumerGroupGrain>(groupId);
}
