using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Grains.Push;
using Loire.Grains.Storage;
using Loire.Protocol;
using Orleans.Concurrency;

namespace Loire.Grains.Control;

/// <summary>The controller of the cluster: who belongs to it, the brokers' settings, the names of topics, producer ids.
/// Changes are ordered by the <see cref="StateKeeper{TState, TDocument}"/>s, so calls may interleave.</summary>
[GrainType(GrainTypes.ClusterName), Reentrant]
internal sealed class ClusterGrain : ControlGrain, IClusterGrain, IClusterControlGrain
{
    private readonly StateKeeper<ClusterState, ClusterDocument> _cluster;
    private readonly StateKeeper<TopicNameRegistry, TopicNamesDocument> _names;
    private readonly BrokerUnregistration _unregistration;
    private readonly IClusterView _view;
    private readonly IClusterMembershipService _membership;
    private readonly BrokerServices _brokers;
    private readonly IPusher _pusher;

    public ClusterGrain(
        [PersistentState("cluster", LoireStorage.Name)] IPersistentState<ClusterDocument> cluster,
        [PersistentState("topics", LoireStorage.Name)] IPersistentState<TopicNamesDocument> names,
        IClusterView view,
        IClusterMembershipService membership,
        BrokerServices brokers,
        IPusher pusher)
    {
        _cluster = new(cluster, ClusterState.Form, _ => { });
        _names = new(names, TopicNameRegistry.Form, _ => { });
        _view = view;
        _membership = membership;
        _brokers = brokers;
        _pusher = pusher;
        _unregistration = new(_cluster, _names, membership, pusher, GrainFactory);
    }

    public Task<ClusterRecord> ReadAsync() => Task.FromResult(_cluster.Current.Record);

    public async Task<ClusterRecord> RegisterAsync(
        BrokerEndpoint endpoint, string directoryId, string? clusterId, SiloAddress silo)
    {
        await CheckSoleAsync(endpoint.Node, silo);
        await CheckProtocolAsync(endpoint.Node, silo);
        return await ChangeAsync(state => state.Register(endpoint, directoryId, clusterId, silo.ToParsableString()));
    }

    public Task<ClusterRecord> DrainAsync(NodeId broker, long generation) =>
        ChangeAsync(state => state.SetDraining(broker, generation, isDraining: true));

    public Task<ClusterRecord> UndrainAsync(NodeId broker, long generation) =>
        ChangeAsync(state => state.SetDraining(broker, generation, isDraining: false));

    public Task<ClusterRecord> UnregisterAsync(NodeId broker) => _unregistration.RunAsync(broker);

    public Task<ClusterRecord> SetBrokerConfigsAsync(
        string broker, ImmutableSortedDictionary<string, string> overrides, long version) =>
        ChangeAsync(state => state.SetConfigs(broker, overrides, version));

    public Task<ImmutableArray<string>> ListTopicNamesAsync() =>
        Task.FromResult<ImmutableArray<string>>([.. _names.Current.Versions.Keys]);

    public async Task<string?> AddTopicNameAsync(
        string topic, long version, ImmutableArray<string> absent, bool validateOnly)
    {
        string? collision = null;
        await _names.ChangeAsync(names =>
        {
            collision = names.FindCollision(topic, absent);
            return new(collision is null && !validateOnly ? names.Add(topic, version) : names);
        });
        return collision;
    }

    public Task ForgetTopicNameAsync(string topic, long version) =>
        _names.ChangeAsync(names => new(names.Forget(topic, version)));

    public async Task<long> ReserveProducerIdBlockAsync(int count)
    {
        if (count < 1) throw new KafkaException(ErrorCode.InvalidRequest, $"{count} producer ids: ask for 1 or more.");
        var first = 0L;
        await _cluster.ChangeAsync(state =>
        {
            first = state.NextProducerId;
            return new(state.ReserveProducerIds(count));
        });
        return first;
    }

    Task IClusterGrain.UnregisterBrokerAsync(int nodeId) => UnregisterAsync(new NodeId(nodeId));

    Task<long> IClusterGrain.ReserveProducerIdsAsync(int count) => ReserveProducerIdBlockAsync(count);

    Task<ImmutableArray<string>> IClusterGrain.ListTopicsAsync() => Task.FromResult<ImmutableArray<string>>(
        [.. _names.Current.Versions.Keys.Where(name => _view.Find(new TopicName(name)) is { IsDeleted: false })]);

    async Task<ImmutableArray<GroupListing>> IClusterGrain.ListGroupsAsync()
    {
        var listed = await Task.WhenAll(_membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active && LiveBrokers.BrokerOf(member.Name) is not null)
            .Select(member => _brokers.Of(member.SiloAddress).ListGroupsAsync()));

        // One that has just moved may be told of by both its coordinators.
        return
        [
            .. listed.SelectMany(groups => groups)
                .DistinctBy(group => group.GroupId)
                .OrderBy(group => group.GroupId, StringComparer.Ordinal),
        ];
    }

    Task<ClusterDescription> IClusterGrain.DescribeAsync()
    {
        var record = _cluster.Current.Record;
        var live = LiveBrokers.Of(_membership.CurrentSnapshot);
        return Task.FromResult(new ClusterDescription(
            record.ClusterId,
            [.. record.Brokers.Select(broker => new BrokerDescription(
                broker.Endpoint.Node.Value,
                broker.Endpoint.Host,
                broker.Endpoint.Port,
                broker.Endpoint.Rack,
                live.Contains(broker.Endpoint.Node)))]));
    }

    /// <summary>Changes the cluster and waits a moment until the brokers know.</summary>
    private async Task<ClusterRecord> ChangeAsync(Func<ClusterState, ClusterState> change)
    {
        var state = await _cluster.ChangeAsync(state => new(change(state)));
        await _pusher.Push(state.Record).WaitAsync();
        return state.Record;
    }

    /// <summary>Only one broker of an id may run. The earlier run of one that was killed is silent, and gone as soon as the
    /// membership says so.</summary>
    private async Task CheckSoleAsync(NodeId node, SiloAddress silo)
    {
        await _membership.Refresh();
        var others = LiveBrokers.SilosOf(_membership.CurrentSnapshot, node).Where(member =>
            member.Status != SiloStatus.Dead
            && !member.SiloAddress.Equals(silo)
            && !silo.IsSuccessorOf(member.SiloAddress));
        foreach (var other in others)
        {
            var known = _cluster.Current.Record.Find(node)?.Endpoint;
            var where = $"{known?.Host}:{known?.Port} (silo {other.SiloAddress.Endpoint})";
            if (await AnswersAsync(other.SiloAddress))
            {
                throw new KafkaException(
                    ErrorCode.DuplicateBrokerRegistration,
                    $"Broker {node} runs already, at {where}: stop it, or give this broker another node id.");
            }

            throw new KafkaException(
                ErrorCode.BrokerNotAvailable,
                $"The earlier run of broker {node}, at {where}, does not answer and is not declared dead yet.");
        }
    }

    /// <summary>The running brokers are asked, not what was noted of them: they may all have been replaced by a newer program
    /// since. One that does not answer has no say.</summary>
    private async Task CheckProtocolAsync(NodeId node, SiloAddress silo)
    {
        if (await LevelOfAsync(silo) is not { } level) return;
        var others = _membership.CurrentSnapshot.Members.Values.Where(member =>
            member.Status == SiloStatus.Active && LiveBrokers.BrokerOf(member.Name) is { } other && other != node);
        foreach (var (other, otherLevel) in await Task.WhenAll(
            others.Select(async other => (LiveBrokers.BrokerOf(other.Name), await LevelOfAsync(other.SiloAddress)))))
        {
            if (otherLevel is null || otherLevel == level) continue;
            throw new KafkaException(
                ErrorCode.UnsupportedVersion,
                $"Broker {node} speaks level {level} of the brokers' protocol, broker {other}, which runs, level {otherLevel}: start "
                + "the version of Loire that the others run, or stop all brokers and start them in the same version.");
        }
    }

    private async Task<int?> LevelOfAsync(SiloAddress silo)
    {
        try
        {
            return await _brokers.Of(silo).ReadProtocolLevelAsync();
        }
        catch (Exception silence) when (silence is TimeoutException or OrleansException)
        {
            return null;
        }
    }

    private async Task<bool> AnswersAsync(SiloAddress silo)
    {
        try
        {
            await _brokers.Of(silo).PingAsync();
            return true;
        }
        catch (Exception silence) when (silence is TimeoutException or OrleansException)
        {
            return false;
        }
    }
}
