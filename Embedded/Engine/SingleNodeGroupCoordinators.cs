using System.Collections.Frozen;
using Loire.Broker.Groups;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Microsoft.Extensions.Logging;

namespace Loire.Embedded.Engine;

/// <summary>All groups of a single node: one coordinator for each partition of __consumer_offsets, loaded when the topic
/// is there at the start, or when it is created at the first FindCoordinator.</summary>
public sealed class SingleNodeGroupCoordinators(
    ITopicCatalog catalog,
    IPartitionDirectory partitions,
    IBrokerDirectory brokers,
    IBrokerConfigs configs,
    TimeProvider time,
    ILoggerFactory loggers) : IGroupCoordinators, ICatalogListener, IAsyncDisposable
{
    private readonly SemaphoreSlim _opening = new(1, 1);
    private volatile FrozenDictionary<PartitionIndex, GroupCoordinator> _coordinators =
        FrozenDictionary<PartitionIndex, GroupCoordinator>.Empty;
    private Task _closing = Task.CompletedTask;

    public IReadOnlyCollection<GroupCoordinator> Local => _coordinators.Values;

    /// <summary>Starts to load the coordinators where __consumer_offsets exists. Its partitions are to be open by
    /// then.</summary>
    /// <exception cref="KafkaException">A partition is not open.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        catalog.Subscribe(this);
        return catalog.Current.Find(TopicNames.ConsumerOffsets) is { } topic
            ? OpenAsync(topic, cancellationToken)
            : Task.CompletedTask;
    }

    public GroupCoordinatorLookup Find(GroupId group)
    {
        var coordinators = _coordinators;
        return coordinators.Count > 0
            && coordinators.TryGetValue(GroupPartitioner.PartitionOf(group, coordinators.Count), out var coordinator)
                ? new GroupCoordinatorLookup(ErrorCode.None, coordinator)
                : new GroupCoordinatorLookup(ErrorCode.NotCoordinator, null);
    }

    public async ValueTask<CoordinatorLocation> LocateAsync(GroupId group, CancellationToken cancellationToken)
    {
        try
        {
            if (_coordinators.Count == 0)
                await OpenAsync(await GetOrCreateTopicAsync(cancellationToken), cancellationToken);
        }
        catch (KafkaException failure)
        {
            return new CoordinatorLocation(
                ErrorCode.CoordinatorNotAvailable, null, $"{TopicNames.ConsumerOffsets} is not available: {failure.Message}");
        }
        return Find(group).Error == ErrorCode.None
            && brokers.Brokers.FirstOrDefault(broker => broker.Node == brokers.LocalNode) is { } local
                ? new CoordinatorLocation(ErrorCode.None, local)
                : new CoordinatorLocation(ErrorCode.CoordinatorNotAvailable, null);
    }

    /// <summary>Offsets committed for the topic are dropped. When it is __consumer_offsets itself, so are all groups, and
    /// the next FindCoordinator creates it anew.</summary>
    void ICatalogListener.OnTopicDeleted(TopicMetadata topic)
    {
        if (topic.Name == TopicNames.ConsumerOffsets)
        {
            _closing = Task.Run(CloseAsync);
            return;
        }
        foreach (var coordinator in _coordinators.Values)
            coordinator.ForgetTopic(topic.Name, topic.Id);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing;
        await CloseAsync();
        _opening.Dispose();
    }

    private async Task CloseAsync()
    {
        var coordinators = _coordinators;
        _coordinators = FrozenDictionary<PartitionIndex, GroupCoordinator>.Empty;
        foreach (var coordinator in coordinators.Values)
            await coordinator.DisposeAsync();
    }

    private async Task<TopicMetadata> GetOrCreateTopicAsync(CancellationToken cancellationToken)
    {
        if (catalog.Current.Find(TopicNames.ConsumerOffsets) is { } existing)
            return existing;
        try
        {
            return await catalog.CreateTopicAsync(
                OffsetsTopic.Describe(configs.Current, brokers.Brokers.Length), validateOnly: false, cancellationToken);
        }
        catch (KafkaException raced) when (
            raced.Code == ErrorCode.TopicAlreadyExists && catalog.Current.Find(TopicNames.ConsumerOffsets) is not null)
        {
            return catalog.Current.Find(TopicNames.ConsumerOffsets)!;
        }
    }

    private async Task OpenAsync(TopicMetadata topic, CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_coordinators.Count > 0)
                return;
            var logger = loggers.CreateLogger<GroupCoordinator>();
            _coordinators = topic.Partitions.ToFrozenDictionary(
                partition => partition.Index,
                partition => new GroupCoordinator(
                    new PartitionCoordinatorLog(Replica(topic.Name, partition.Index), partition.LeaderEpoch), configs, time, logger));
            foreach (var coordinator in _coordinators.Values)
                coordinator.Start();
        }
        finally
        {
            _opening.Release();
        }
    }

    private PartitionReplica Replica(TopicName topic, PartitionIndex partition)
    {
        var lookup = partitions.Find(topic, partition);
        return lookup.Replica ?? throw new KafkaException(lookup.Error, $"partition {partition} of {topic} is not open");
    }
}
