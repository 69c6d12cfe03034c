using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Grains.Push;
using Loire.Grains.Storage;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Orleans.Concurrency;

namespace Loire.Grains.Control;

/// <summary>The controller of one topic. Changes are ordered by its <see cref="TopicController"/>, so calls may
/// interleave.</summary>
[GrainType(GrainTypes.TopicName), Reentrant]
internal sealed class TopicGrain : ControlGrain, ITopicGrain, ITopicControlGrain
{
    private readonly TopicController _controller;
    private readonly TopicBrokers _brokers;
    private readonly IPusher _pusher;
    private Announcement? _announced;
    private int _creations;

    /// <summary>The deletion of which every broker is known to have heard.</summary>
    private long _forgottenVersion;

    /// <summary>Who has heard of the record that was announced last.</summary>
    private ImmutableHashSet<NodeId> _told = [];
    private long _announcedVersion;

    public TopicGrain(
        [PersistentState("topic", LoireStorage.Name)] IPersistentState<TopicDocument> topic,
        IClusterView view,
        ITopicCatalog catalog,
        TopicBrokers brokers,
        IPusher pusher)
    {
        _brokers = brokers;
        _pusher = pusher;
        _controller = new(Name, topic, view, catalog, Announce);
    }

    private TopicName Name => new(this.GetPrimaryKeyString());

    private IClusterControlGrain Cluster => GrainFactory.GetGrain<IClusterControlGrain>(IClusterGrain.Key);

    public Task<bool> ExistsAsync() => Task.FromResult(_creations > 0 || _controller.Current is { IsDeleted: false });

    public Task<ImmutableArray<int>> FindReplicasAsync(NodeId broker) => _controller.FindReplicasAsync(broker);

    public async Task<TopicRecord?> SettleAsync(BrokerGeneration? started)
    {
        await _brokers.EnsureKnownAsync(started?.Broker);
        var topic = await _controller.SettleAsync(started);
        if (topic is { IsDeleted: true } && topic.Version > _forgottenVersion)
        {
            // Who is away is told when it is back, and who never comes back costs no announcements.
            if (_announcedVersion != topic.Version || _brokers.Live.Any(broker => !_told.Contains(broker))) Announce(topic);
            await ForgetAsync(topic);
        }

        return topic;
    }

    public async Task<TopicRecord> CreateTopicAsync(NewTopic topic, bool validateOnly)
    {
        await _brokers.EnsureKnownAsync();
        var plan = _controller.Plan(topic);
        _creations++;
        try
        {
            await NoteNameAsync(plan, validateOnly);
            return validateOnly ? plan : await AnnouncedAsync(_controller.CreateAsync(topic));
        }
        finally
        {
            _creations--;
        }
    }

    public async Task<TopicRecord> DeleteTopicAsync(Guid topicId)
    {
        var topic = await _controller.DeleteAsync(new TopicId(topicId));
        await ForgetAsync(topic);
        return topic;
    }

    public async Task<TopicRecord> CreatePartitionsAsync(
        int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments, bool validateOnly)
    {
        await _brokers.EnsureKnownAsync();
        return validateOnly
            ? _controller.Plan(totalCount, assignments)
            : await AnnouncedAsync(_controller.GrowAsync(totalCount, assignments));
    }

    public Task<TopicRecord> SetConfigsAsync(ImmutableSortedDictionary<string, string> overrides, long version) =>
        AnnouncedAsync(_controller.SetConfigsAsync(_ => overrides, version));

    public async Task<TopicRecord> AlterInSyncAsync(Guid topicId, int partition, InSyncProposal proposal)
    {
        await _brokers.EnsureKnownAsync(proposal.Leader);
        return await _controller.AlterInSyncAsync(new TopicId(topicId), new PartitionIndex(partition), proposal);
    }

    public async Task<TopicRecord> ReplicaLostAsync(Guid topicId, int partition, NodeId replica)
    {
        await _brokers.EnsureKnownAsync();
        return await _controller.ReplicaLostAsync(new TopicId(topicId), new PartitionIndex(partition), replica);
    }

    public async Task<TopicRecord> ReassignAsync(int partition, ImmutableArray<NodeId>? target)
    {
        await _brokers.EnsureKnownAsync();
        return await AnnouncedAsync(_controller.ReassignAsync(new PartitionIndex(partition), target));
    }

    public async Task<TopicRecord> ElectAsync(int partition, bool isUnclean)
    {
        await _brokers.EnsureKnownAsync();
        return await AnnouncedAsync(_controller.ElectAsync(new PartitionIndex(partition), isUnclean));
    }

    Task<TopicDescription?> ITopicGrain.DescribeAsync() => Task.FromResult(
        _controller.Current is { IsDeleted: false } topic ? TopicDescriptions.Describe(topic) : null);

    async Task<TopicDescription> ITopicGrain.CreateAsync(TopicSpecification specification)
    {
        var topic = new NewTopic(
            Name,
            specification.PartitionCount,
            specification.ReplicationFactor,
            Assignments: null,
            specification.Configs.ToImmutableSortedDictionary(StringComparer.Ordinal));
        return TopicDescriptions.Describe(await CreateTopicAsync(topic, validateOnly: false));
    }

    Task ITopicGrain.DeleteAsync() => DeleteTopicAsync(Existing().Id.Value);

    async Task<TopicDescription> ITopicGrain.AddPartitionsAsync(int totalCount) =>
        TopicDescriptions.Describe(await CreatePartitionsAsync(totalCount, assignments: null, validateOnly: false));

    async Task<TopicDescription> ITopicGrain.AlterConfigsAsync(ImmutableDictionary<string, string?> changes) =>
        TopicDescriptions.Describe(await AnnouncedAsync(_controller.SetConfigsAsync(
            configs => changes.Aggregate(configs, (altered, change) => change.Value is { } value
                ? altered.SetItem(change.Key, value)
                : altered.Remove(change.Key)),
            version: null)));

    async Task<TopicDescription> ITopicGrain.ElectLeaderAsync(int partition, bool isUnclean) =>
        TopicDescriptions.Describe(await ElectAsync(partition, isUnclean));

    async Task<TopicDescription> ITopicGrain.ReassignAsync(int partition, ImmutableArray<int>? replicas) =>
        TopicDescriptions.Describe(await ReassignAsync(
            partition,
            replicas is { } nodes ? ImmutableArray.CreateRange(nodes, node => new NodeId(node)) : null));

    Task<int> ITopicGrain.GetPartitionAsync(ReadOnlyMemory<byte> key) =>
        Task.FromResult(Murmur2.PartitionOf(key.Span, Existing().Control.Partitions.Length).Value);

    private TopicRecord Existing() =>
        _controller.Current is { IsDeleted: false } topic ? topic : throw TopicPlans.Unknown(Name);

    private void Announce(TopicRecord topic)
    {
        if (topic.Version != _announcedVersion) _told = [];
        _announcedVersion = topic.Version;
        _announced = _pusher.Push(topic);
    }

    /// <summary>Who is answered is to find the change at every broker.</summary>
    private async Task<TopicRecord> AnnouncedAsync(Task<TopicRecord> change)
    {
        var topic = await change;
        if (_announced is not null) await _announced.WaitAsync();
        return topic;
    }

    /// <summary>The name stands in the registry before the topic does, so that a broker never misses one. Names that collide
    /// with it only count where there is such a topic.</summary>
    private async Task NoteNameAsync(TopicRecord plan, bool validateOnly)
    {
        ImmutableArray<string> absent = [];
        while (await Cluster.AddTopicNameAsync(Name.Value, plan.Version, absent, validateOnly) is { } other)
        {
            if (await GrainFactory.GetGrain<ITopicControlGrain>(other).ExistsAsync())
            {
                throw TopicPlans.Collides(Name, new TopicName(other));
            }

            absent = absent.Add(other);
        }
    }

    /// <summary>When every broker has heard of the deletion nobody need ask for the topic any more. Until then it stays in
    /// the registry, for brokers that are away.</summary>
    private async Task ForgetAsync(TopicRecord deleted)
    {
        if (_announced is null) return;
        var learned = await _announced.WaitAsync();
        if (_announcedVersion != deleted.Version) return;
        _told = _told.Union(learned);
        if (_brokers.Registered.Any(broker => !_told.Contains(broker))) return;
        await Cluster.ForgetTopicNameAsync(Name.Value, deleted.Version);
        _forgottenVersion = deleted.Version;
    }
}
