using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>One broker's way to the <see cref="InMemoryControllers"/>, which can be cut.</summary>
internal sealed class InMemoryControl(InMemoryControllers controllers) : IClusterControl
{
    public volatile bool IsCut;
    private volatile Task _held = Task.CompletedTask;
    private int _refusals;
    private int _calls;

    /// <summary>Answers come only when this is completed.</summary>
    public Task Held
    {
        set => _held = value;
    }

    public int CallCount => Volatile.Read(ref _calls);

    /// <summary>Compare-and-sets of configs that somebody else was faster than.</summary>
    public int RefusalCount => Volatile.Read(ref _refusals);

    /// <summary>Awaited when a registration is noted, before it is answered.</summary>
    public Func<Task> Registered { get; set; } = () => Task.CompletedTask;

    /// <summary>Topics of which the controllers cannot read the state.</summary>
    public Func<TopicName, bool> IsUnreadable { get; set; } = _ => false;

    public async Task<ClusterRecord> RegisterAsync(
        BrokerEndpoint endpoint, BrokerGeneration started, string? clusterId, CancellationToken cancellationToken)
    {
        var registered = await AskAsync(() => controllers.Change(cluster =>
        {
            if (clusterId is not null && clusterId != cluster.ClusterId)
                throw new KafkaException(ErrorCode.InconsistentClusterId, "the directory is of another cluster");
            var generation = (cluster.Find(endpoint.Node)?.Started.Generation ?? 0) + 1;
            return cluster with
            {
                Brokers =
                [
                    .. cluster.Brokers.Where(broker => broker.Endpoint.Node != endpoint.Node),
                    new BrokerRegistration(endpoint, started with { Generation = generation }, IsDraining: false),
                ],
            };
        }));
        await Registered();
        return registered;
    }

    public Task<ClusterRecord> DrainAsync(NodeId broker, long generation, CancellationToken cancellationToken) =>
        SetDrainingAsync(broker, generation, isDraining: true);

    public Task<ClusterRecord> UndrainAsync(NodeId broker, long generation, CancellationToken cancellationToken) =>
        SetDrainingAsync(broker, generation, isDraining: false);

    public Task<ClusterRecord> UnregisterAsync(NodeId broker, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Change(cluster => cluster.Find(broker) is { } known
            ? cluster with { Brokers = cluster.Brokers.Remove(known) }
            : throw new KafkaException(ErrorCode.BrokerIdNotRegistered, $"there is no broker {broker}")));

    public Task<ClusterRecord> ReadClusterAsync(CancellationToken cancellationToken) => AskAsync(() => controllers.Cluster);

    public Task<ClusterRecord> SetBrokerConfigsAsync(
        string broker, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Change(cluster =>
        {
            Compare(cluster.Version, version);
            return cluster with { BrokerConfigs = cluster.BrokerConfigs.SetItem(broker, overrides) };
        }));

    public Task<ImmutableArray<TopicName>> ListTopicsAsync(CancellationToken cancellationToken) => AskAsync(() => controllers.Names);

    public Task<TopicRecord?> SettleAsync(TopicName topic, BrokerGeneration? started, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Find(Readable(topic)) is null ? null : controllers.Change(topic, known =>
        {
            if (known!.IsDeleted) return known;
            var noted = started is { } run ? TopicControlCore.BrokerStarted(known.Control, run, controllers.Statuses) : default;
            var settled = TopicControlCore.BrokersChanged(noted.State ?? known.Control, controllers.Statuses);
            return noted.HasChanges || settled.HasChanges ? known with { Control = settled.State } : known;
        }));

    public Task<TopicRecord> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken) =>
        AskAsync(() => validateOnly
            ? Create(topic, controllers.Find(topic.Name))
            : controllers.Change(topic.Name, known => Create(topic, known)));

    public Task<TopicRecord> DeleteTopicAsync(TopicName topic, TopicId id, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Change(topic, known => Existing(topic, known) with { IsDeleted = true }));

    public Task<TopicRecord> CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken) =>
        AskAsync(() => validateOnly
            ? Grow(Existing(topic, controllers.Find(topic)), totalCount, assignments)
            : controllers.Change(topic, known => Grow(Existing(topic, known), totalCount, assignments)));

    public Task<TopicRecord> SetTopicConfigsAsync(
        TopicName topic, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Change(topic, known =>
        {
            Compare(Existing(topic, known).Version, version);
            return known! with { ConfigOverrides = overrides };
        }));

    public Task<TopicRecord> AlterInSyncAsync(
        TopicIdPartition partition, InSyncProposal proposal, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.Change(partition.Topic, known =>
        {
            if (known is not { IsDeleted: false } || known.Id != partition.TopicId)
                return known ?? throw TopicPlans.Unknown(partition.Topic);
            var step = TopicControlCore.AlterInSync(known.Control, partition.Partition, proposal, controllers.Statuses);
            return step.HasChanges ? known with { Control = step.State } : known;
        }));

    public Task<TopicRecord> ReplicaLostAsync(TopicIdPartition partition, NodeId replica, CancellationToken cancellationToken) =>
        DoAsync(partition.Topic, (state, brokers) => TopicControlCore.ReplicaLost(state, partition.Partition, replica, brokers));

    public Task<TopicRecord> ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken) =>
        DoAsync(topic, (state, brokers) => TopicControlCore.Reassign(state, partition, target, brokers));

    public Task<TopicRecord> ElectAsync(
        TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken) =>
        DoAsync(topic, (state, brokers) => isUnclean
            ? TopicControlCore.ElectUnclean(state, partition, brokers)
            : TopicControlCore.ElectPreferred(state, partition, brokers));

    public Task<long> ReserveProducerIdsAsync(int count, CancellationToken cancellationToken) =>
        AskAsync(() => controllers.ReserveProducerIds(count));

    private Task<ClusterRecord> SetDrainingAsync(NodeId broker, long generation, bool isDraining) =>
        AskAsync(() => controllers.Change(cluster => cluster with
        {
            Brokers =
            [
                .. cluster.Brokers.Select(known => known.Endpoint.Node == broker && known.Started.Generation == generation
                    ? known with { IsDraining = isDraining }
                    : known),
            ],
        }));

    private Task<TopicRecord> DoAsync(TopicName topic, Func<TopicControlState, BrokerStatuses, ControlStep> command) =>
        AskAsync(() => controllers.Change(Readable(topic), known =>
        {
            var step = command(Existing(topic, known).Control, controllers.Statuses);
            if (step.Error != ErrorCode.None) throw new KafkaException(step.Error, step.Error.ToString());
            return step.HasChanges ? known! with { Control = step.State } : known!;
        }));

    private async Task<T> AskAsync<T>(Func<T> answer)
    {
        Interlocked.Increment(ref _calls);
        await Task.Yield();
        await _held;
        return IsCut ? throw new ControlUnavailableException("the way to the controllers is cut") : answer();
    }

    private TopicName Readable(TopicName topic) =>
        IsUnreadable(topic) ? throw new ControlUnavailableException($"the state of '{topic}' cannot be read") : topic;

    private void Compare(long version, long asked)
    {
        if (version == asked) return;
        Interlocked.Increment(ref _refusals);
        throw new KafkaException(ErrorCode.InvalidUpdateVersion, $"the version is {version}, not {asked}");
    }

    private TopicRecord Create(NewTopic topic, TopicRecord? known)
    {
        if (known is { IsDeleted: false }) throw TopicPlans.AlreadyExists(topic.Name);
        var plan = TopicPlans.Create(topic, controllers.Configs.Broker, controllers.Placeable());
        var step = TopicControlCore.Create(
            plan.Placements,
            controllers.Configs.ResolveTopic(plan.ConfigOverrides).UncleanLeaderElection,
            controllers.Statuses,
            [.. controllers.Cluster.Brokers.Select(broker => broker.Started)]);
        return new TopicRecord(topic.Name, RandomIds.NewTopicId(), 1, IsDeleted: false, plan.ConfigOverrides, step.State);
    }

    private TopicRecord Grow(TopicRecord topic, int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments)
    {
        var present = topic.Control.Partitions;
        var added = TopicPlacement.Grow(
            topic.Name, present.Length, present[0].Replicas.Length, totalCount, assignments, controllers.Placeable());
        return topic with { Control = TopicControlCore.Grow(topic.Control, added, controllers.Statuses).State };
    }

    private static TopicRecord Existing(TopicName name, TopicRecord? topic) =>
        topic is { IsDeleted: false } ? topic : throw TopicPlans.Unknown(name);
}
