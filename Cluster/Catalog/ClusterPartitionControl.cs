using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster.Catalog;

/// <summary>Moves and elections as operators ask for them, by the controllers of the topics.</summary>
public sealed class ClusterPartitionControl(ClusterView view, IClusterControl control) : IPartitionControl
{
    public ImmutableArray<PartitionMove> Moves =>
    [
        .. view.Topics.Where(topic => !topic.IsDeleted)
            .SelectMany(topic => topic.Control.Partitions.Select((state, index) => (topic, state, index)))
            .Where(partition => partition.state.IsReassigning)
            .Select(partition => new PartitionMove(
                partition.topic.Name,
                new PartitionIndex(partition.index),
                partition.state.Replicas,
                partition.state.Adding,
                partition.state.Removing)),
    ];

    public Task ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken) =>
        view.LearnAsync(control.ReassignAsync(topic, partition, target, cancellationToken));

    public Task ElectAsync(TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken) =>
        view.LearnAsync(control.ElectAsync(topic, partition, isUnclean, cancellationToken));
}
