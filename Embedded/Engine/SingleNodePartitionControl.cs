using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>Partitions of a broker that is alone: they cannot move, and it leads them all.</summary>
public sealed class SingleNodePartitionControl(ITopicCatalog catalog, NodeId self) : IPartitionControl
{
    public ImmutableArray<PartitionMove> Moves => [];

    public Task ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken)
    {
        if (!Exists(topic, partition)) return Unknown(topic, partition);
        if (target is not { } replicas)
        {
            return Refuse(ErrorCode.NoReassignmentInProgress, $"{topic}-{partition} is not being moved.");
        }

        return replicas is [var only] && only == self
            ? Task.CompletedTask
            : Refuse(ErrorCode.InvalidReplicaAssignment, $"Broker {self} is alone: every partition has it as its only replica.");
    }

    public Task ElectAsync(TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken) =>
        Exists(topic, partition)
            ? Refuse(ErrorCode.ElectionNotNeeded, $"Broker {self} leads {topic}-{partition} already.")
            : Unknown(topic, partition);

    private bool Exists(TopicName topic, PartitionIndex partition) =>
        catalog.Current.Find(topic) is { } found && (uint)partition.Value < (uint)found.Partitions.Length;

    private static Task Unknown(TopicName topic, PartitionIndex partition) =>
        Refuse(ErrorCode.UnknownTopicOrPartition, $"There is no partition {topic}-{partition}.");

    private static Task Refuse(ErrorCode error, string message) => Task.FromException(new KafkaException(error, message));
}
