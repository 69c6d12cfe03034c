using Loire.Protocol;

namespace Loire.Client;

/// <summary>A partition of a topic.</summary>
public readonly record struct TopicPartition(string Topic, int Partition)
{
    internal static TopicPartition From(Protocol.TopicPartition partition) =>
        new(partition.Topic.Value, partition.Partition.Value);

    internal Protocol.TopicPartition ToProtocol() => new(new TopicName(Topic), new PartitionIndex(Partition));
}
