using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Net;
using Loire.Broker.Control;
using Loire.Broker.Gateway;
using Loire.Broker.Handlers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Cluster.Replication;
using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Loire.Tests.Log;
using Microsoft.Extensions.Logging;
using PartitionState = Loire.Broker.Control.PartitionState;

namespace Loire.Tests.ClusterEngine.Replication;

/// <summary>As much of a broker as replication needs: a log, the replica, its fetchers, and a port that serves
/// Fetch.</summary>
internal sealed class ReplicaBroker : IAsyncDisposable, IPartitionDirectory, IBrokerDirectory, IInSyncControl
{
    private readonly ReplicatedPartition _world;
    private readonly LogStore _store;
    private readonly Meter _meter = new("Loire");
    private readonly LogLines _log = new();
    private readonly Dictionary<NodeId, ReplicaFetcher> _fetchers = [];
    private KafkaServer? _server;

    private ReplicaBroker(ReplicatedPartition world, NodeId node, TemporaryDirectory directory)
    {
        _world = world;
        LocalNode = node;
        Directory = directory;
        _store = LogStore.Open(directory.Options);
        Replica = new PartitionReplica(
            _store,
            ReplicatedPartition.Id,
            TopicConfig.Default with { TimestampAfterMaxMs = long.MaxValue },
            node,
            TimeProvider.System,
            this);
    }

    public PartitionReplica Replica { get; }
    public TemporaryDirectory Directory { get; }
    public BrokerEndpoint EndPoint { get; private set; } = null!;
    public bool IsUp { get; private set; } = true;
    public IReadOnlyCollection<string> LogLines => _log.Lines;
    public string ClusterId => "cluster";
    public NodeId LocalNode { get; }
    public NodeId Controller => LocalNode;
    public ImmutableArray<BrokerEndpoint> Brokers => [EndPoint];

    public static async Task<ReplicaBroker> StartAsync(ReplicatedPartition world, NodeId node, TemporaryDirectory directory)
    {
        var broker = new ReplicaBroker(world, node, directory);
        var configs = new FixedBrokerConfigs(world.Config);
        var logs = LoggerFactory.Create(builder => builder.AddFilter("Microsoft", LogLevel.None));
        var fetch = new FetchHandler(broker, broker, configs, world, TimeProvider.System, logs.CreateLogger<FetchHandler>());
        var gateway = new GatewayOptions();
        broker._server = new KafkaServer([new IPEndPoint(IPAddress.Loopback, 0)], gateway, TimeProvider.System, logs);
        await broker._server.StartAsync(
            new KafkaConnectionHandler(
                new RequestDispatcher([fetch]), configs, gateway, broker._meter, TimeProvider.System, logs),
            CancellationToken.None);
        broker.EndPoint = new BrokerEndpoint(node, "127.0.0.1", broker._server.LocalEndPoint.Port, Rack: null);
        return broker;
    }

    public void Apply(PartitionState state)
    {
        Replica.Apply(state);
        if (state.Leader != LocalNode && state.Leader != NodeId.None) FetcherOf(state.Leader).Add(Replica);
    }

    public PartitionLookup Find(TopicName topic, PartitionIndex partition) => Find();

    public PartitionLookup Find(TopicId topic, PartitionIndex partition) => Find();

    void IInSyncControl.Propose(TopicIdPartition partition, InSyncProposal proposal) =>
        ThreadPool.UnsafeQueueUserWorkItem(_world.Grant, proposal, preferLocal: false);

    /// <summary>Stops at once, as a killed process: what is not synced yet is not waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!IsUp) return;
        IsUp = false;
        foreach (var fetcher in _fetchers.Values) await fetcher.DisposeAsync();
        if (_server is not null)
        {
            await _server.StopAsync(new CancellationToken(canceled: true));
            await _server.DisposeAsync();
        }

        await _store.DisposeAsync();
        _meter.Dispose();
    }

    private PartitionLookup Find()
    {
        var error = Replica.Availability;
        var isLeader = error == ErrorCode.None;
        return new PartitionLookup(
            error, isLeader ? Replica : null, _world.State.Leader, Replica.LeaderEpoch, isLeader ? null : Replica);
    }

    private ReplicaFetcher FetcherOf(NodeId leader)
    {
        lock (_fetchers)
        {
            if (!_fetchers.TryGetValue(leader, out var fetcher))
            {
                _fetchers[leader] = fetcher = new ReplicaFetcher(
                    leader,
                    () => _world.Locate(leader),
                    LocalNode,
                    () => _world.GenerationOf(LocalNode),
                    new FixedBrokerConfigs(_world.Config),
                    TimeProvider.System,
                    _log);
            }

            return fetcher;
        }
    }
}
