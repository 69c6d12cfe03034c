using System.Collections.Concurrent;
using Loire.Broker.Groups;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster.Groups;

/// <summary>The groups of the partitions of __consumer_offsets that this broker leads: a coordinator is loaded when a
/// leadership begins and goes when it ends. To be told of topics after the replicas are.</summary>
internal sealed class ClusterGroupCoordinators(
    ITopicCatalog catalog,
    IPartitionDirectory partitions,
    IBrokerDirectory brokers,
    IClusterView view,
    IBrokerConfigs configs,
    TimeProvider time,
    ILoggerFactory logs) : IGroupCoordinators, IClusterListener, ICatalogListener, IAsyncDisposable
{
    private readonly ILogger _logger = logs.CreateLogger<GroupCoordinator>();

    // Written by the view's loop alone.
    private readonly ConcurrentDictionary<PartitionIndex, Led> _led = new();
    private volatile int _partitionCount;
    private Task _closing = Task.CompletedTask;

    public IReadOnlyCollection<GroupCoordinator> Local => [.. _led.Values.Select(led => led.Coordinator)];

    public GroupCoordinatorLookup Find(GroupId group)
    {
        var count = _partitionCount;
        return count > 0 && _led.TryGetValue(GroupPartitioner.PartitionOf(group, count), out var led)
            ? new GroupCoordinatorLookup(ErrorCode.None, led.Coordinator)
            : new GroupCoordinatorLookup(ErrorCode.NotCoordinator, null);
    }

    public async ValueTask<CoordinatorLocation> LocateAsync(GroupId group, CancellationToken cancellationToken)
    {
        try
        {
            var topic = catalog.Current.Find(TopicNames.ConsumerOffsets) ?? await CreateTopicAsync(cancellationToken);
            var leader = topic.Partitions[GroupPartitioner.PartitionOf(group, topic.Partitions.Length).Value].Leader;
            return brokers.Brokers.FirstOrDefault(broker => broker.Node == leader) is { } coordinator
                ? new CoordinatorLocation(ErrorCode.None, coordinator)
                : new CoordinatorLocation(
                    ErrorCode.CoordinatorNotAvailable, null, $"The group's partition of {TopicNames.ConsumerOffsets} has no leader now.");
        }
        catch (KafkaException failure)
        {
            return new CoordinatorLocation(
                ErrorCode.CoordinatorNotAvailable, null, $"{TopicNames.ConsumerOffsets} is not available: {failure.Message}");
        }
    }

    /// <summary>Who waits on the coordinators is told NOT_COORDINATOR.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var partition in _led.Keys) End(partition);
        await _closing;
    }

    void IClusterListener.OnTopic(TopicRecord topic)
    {
        if (topic.Name != TopicNames.ConsumerOffsets) return;
        _partitionCount = topic.IsDeleted ? 0 : topic.Control.Partitions.Length;
        foreach (var partition in _led.Keys.Where(partition => partition.Value >= _partitionCount)) End(partition);
        for (var i = 0; i < _partitionCount; i++) Follow(topic.Id, new PartitionIndex(i));
    }

    /// <summary>Offsets committed for the topic are dropped; each broker sees to its own groups.</summary>
    void ICatalogListener.OnTopicDeleted(TopicMetadata topic)
    {
        foreach (var led in _led.Values) led.Coordinator.ForgetTopic(topic.Name, topic.Id);
    }

    private void Follow(TopicId topic, PartitionIndex partition)
    {
        var lookup = partitions.Find(topic, partition);
        if (_led.TryGetValue(partition, out var known))
        {
            if (lookup.Replica == known.Replica && lookup.LeaderEpoch == known.Epoch) return;
            End(partition);
        }

        if (lookup.Replica is not { } replica) return;
        var coordinator = new GroupCoordinator(new PartitionCoordinatorLog(replica, lookup.LeaderEpoch), configs, time, _logger);
        _led[partition] = new Led(replica, lookup.LeaderEpoch, coordinator);
        coordinator.Start();
    }

    private void End(PartitionIndex partition)
    {
        if (!_led.TryRemove(partition, out var led)) return;
        var ended = led.Coordinator.DisposeAsync().AsTask();
        _closing = _closing.IsCompletedSuccessfully ? ended : Task.WhenAll(_closing, ended);
    }

    private async Task<TopicMetadata> CreateTopicAsync(CancellationToken cancellationToken)
    {
        // Those that are away count: a cluster that is just starting is to have its replicas on all brokers.
        var topic = OffsetsTopic.Describe(configs.Current, view.Cluster.Brokers.Length);
        try
        {
            return await catalog.CreateTopicAsync(topic, validateOnly: false, cancellationToken);
        }
        catch (KafkaException raced) when (
            raced.Code == ErrorCode.TopicAlreadyExists && catalog.Current.Find(topic.Name) is not null)
        {
            return catalog.Current.Find(topic.Name)!;
        }
    }

    private sealed record Led(PartitionReplica Replica, LeaderEpoch Epoch, GroupCoordinator Coordinator);
}
