using System.Diagnostics.Metrics;
using Loire.Broker.Control;
using Loire.Broker.Gateway;
using Loire.Broker.Handlers;
using Loire.Broker.Lifetime;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Cluster.Catalog;
using Loire.Cluster.Groups;
using Loire.Cluster.Replicas;
using Loire.Cluster.Replication;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>One broker of a cluster: its view of the cluster, replicas, coordinators, handlers and gateway, put together
/// and run through their life. The host gives it a log store and a way to the controllers, tells the view what is live and
/// calls <see cref="SettleAllAsync"/> when that changes.</summary>
public sealed partial class ClusterBroker : IAsyncDisposable
{
    private static readonly TimeSpan HandOverCheckPeriod = TimeSpan.FromMilliseconds(20);

    private readonly ClusterBrokerOptions _options;
    private readonly ClusterView _view;
    private readonly IClusterControl _control;
    private readonly ILogStore _store;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _logger;
    private readonly NodeId _self;
    private readonly RoleGate _gate;
    private readonly ClusterConfigs _configs;
    private readonly ReplicationThrottle _throttle;
    private readonly ReplicaLogs _replicaLogs;
    private readonly ReplicaManager _replicas;
    private readonly ClusterTopicCatalog _catalog;
    private readonly ClusterBrokerDirectory _brokers;
    private readonly ClusterGroupCoordinators _groups;
    private readonly BrokerRegistrar _registrar;
    private readonly IClusterListener[] _listeners;
    private readonly CancellationTokenSource _stop = new();
    private readonly Meter _meter = new("Loire");
    private readonly OwnedParts _parts = new();
    private BrokerGeneration _started;
    private ClusterSettler? _settler;
    private KafkaServer? _server;
    private DrainDriver? _drain;
    private volatile string? _notReady = "The broker has not started yet.";

    public ClusterBroker(
        ClusterBrokerOptions options,
        ILogStore store,
        IClusterControl control,
        ClusterView view,
        TimeProvider time,
        ILoggerFactory logs)
    {
        _options = options;
        _store = store;
        _control = control;
        _view = view;
        _time = time;
        _logs = logs;
        _logger = logs.CreateLogger<ClusterBroker>();
        _self = options.Endpoint.Node;
        _gate = new RoleGate(_self);
        _registrar = new BrokerRegistrar(view, control, options, time, logs.CreateLogger<BrokerRegistrar>());
        _configs = new ClusterConfigs(view, _self, options.Configs);
        _throttle = new ReplicationThrottle(() => _configs.Current.FollowerThrottledRate);
        _brokers = new ClusterBrokerDirectory(view, _self);
        var proposals = _parts.Own(new InSyncProposals(control, view, logs.CreateLogger<InSyncProposals>()));
        _replicaLogs = new ReplicaLogs(store, _self, proposals, time, logs.CreateLogger<ReplicaLogs>());
        var fetchers = _parts.Own(new FetcherPool(CreateFetcher));
        _replicas = new ReplicaManager(
            _self, _gate, _replicaLogs, fetchers, _configs, topic => _settler?.Note(topic), topic => _settler?.CatchUp(topic));
        _catalog = new ClusterTopicCatalog(view, control, _configs);
        _groups = _parts.Own(new ClusterGroupCoordinators(_catalog, _replicas, _brokers, view, _configs, time, logs));
        ClusterMetrics.Create(_meter, CountReplicas, _replicas.InSyncChanges);

        // Settings first, for replicas are opened with them; then replicas, so that what the catalog announces is there.
        _listeners = [_configs, _replicas, _groups, _catalog];
        foreach (var listener in _listeners) view.Subscribe(listener);
        _catalog.Subscribe(_groups);
    }

    public ITopicCatalog Catalog => _catalog;

    public IPartitionDirectory Partitions => _replicas;

    public IBrokerDirectory Brokers => _brokers;

    public IGroupCoordinators Groups => _groups;

    public BrokerHealth Health => new(
        _store.Failure is { } failure ? failure.Message
        : _replicas.IsSuperseded ? $"Another process has taken over as broker {_self}: this one is to be stopped."
        : _notReady ?? (_drain?.IsDraining == true
            ? "The broker's log takes records again, and the cluster has yet to hear that it may lead."
            : null),
        CountReplicas());

    /// <summary>Joins the cluster, takes its roles and opens the Kafka port. While controllers cannot be reached it waits and
    /// says so.</summary>
    /// <exception cref="KafkaException">DUPLICATE_BROKER_REGISTRATION, INCONSISTENT_CLUSTER_ID, UNSUPPORTED_VERSION.</exception>
    /// <exception cref="IOException">The address is in use.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        _notReady = "The broker is not registered with its cluster yet.";
        _started = await _registrar.RegisterAsync(stopping.Token);
        _settler = _parts.Own(new ClusterSettler(_view, _control, _started, _time, _logs.CreateLogger<ClusterSettler>()));
        _gate.Generation = _started.Generation;

        // Topics that were created since this start was persisted have it noted, and were told of before the gate knew.
        _view.TellTopicsAgain();

        _notReady = "The broker does not know all topics yet.";
        await _settler.SettleAllAsync().WaitAsync(stopping.Token);
        await _view.ToldAsync();
        _replicaLogs.WarnOfStrays(topic => _catalog.Current.Find(topic) is not null);

        _parts.Own(new LagDriver(() => _replicas.Replicas, _configs, _time));
        _parts.Own(new RetentionDriver(() => _replicas.Replicas, _configs, _time, _logs.CreateLogger<RetentionDriver>()));
        _server = await StartGatewayAsync(stopping.Token);
        _parts.Own(new DamageDriver(
            _store, _replicaLogs.Lost, _view, _control, _self, _time, _logs.CreateLogger<DamageDriver>()));
        _parts.Own(new LeaderRebalancer(_view, _control, _self, _configs, _time, _logs.CreateLogger<LeaderRebalancer>()));
        _drain = _parts.Own(new DrainDriver(
            _store, _view, _registrar, _started, SettleAllAsync, _time, _logs.CreateLogger<DrainDriver>()));
        _notReady = null;
        LogReady(_logger, _self.Value, _options.Endpoint.Host, _options.Endpoint.Port);
    }

    /// <summary>To be called by the host after it has told the view which brokers are live: lets the controllers elect where
    /// that is due. Completes when all topics have been settled; calls that come meanwhile share one more round.</summary>
    public Task SettleAllAsync() => _settler?.SettleAllAsync() ?? Task.CompletedTask;

    /// <summary>Hands the leaderships over, answers requests in flight and stops. What cannot be handed over in time is
    /// left: others take the lead when they see this broker gone.</summary>
    /// <param name="cancellationToken">Stops at once.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stop.IsCancellationRequested) return;
        _notReady = "The broker is stopping.";
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(_options.StopTimeout);
        try
        {
            if (_server is not null && !_replicas.IsSuperseded) await HandOverAsync(timeout.Token);
            if (_server is not null)
            {
                using var answering = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                answering.CancelAfter(_options.StopTimeout);
                await _server.StopAsync(answering.Token);
            }
        }
        finally
        {
            await DisposeAsync();
        }
    }

    /// <summary>Ends everything at once, as a crash would, but for the store and the view, which are the host's.</summary>
    public async ValueTask DisposeAsync()
    {
        _notReady = "The broker has stopped.";
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        _meter.Dispose();
        try
        {
            foreach (var listener in _listeners) await _view.UnsubscribeAsync(listener);
            _replicas.Close();
        }
        finally
        {
            await _parts.DisposeAsync();
        }
    }

    private async Task<KafkaServer> StartGatewayAsync(CancellationToken cancellationToken)
    {
        var producerIds = new ProducerIdBlocks(_control);
        producerIds.Prepare();
        var ports = new BrokerPorts(
            _catalog,
            _catalog,
            _replicas,
            new ClusterPartitionControl(_view, _control),
            _brokers,
            _brokers,
            new ClusterBrokerRegistry(_view, _control),
            _groups,
            producerIds,
            _store);
        var dispatcher = new RequestDispatcher(BrokerHandlers.Create(ports, _time, _logs));
        var gateway = new KafkaConnectionHandler(dispatcher, _configs, _options.Gateway, _meter, _time, _logs);
        var server = _parts.Own(new KafkaServer(_options.Listen, _options.Gateway, _time, _logs));
        await server.StartAsync(gateway, cancellationToken);
        return server;
    }

    /// <summary>Takes no more writes, lets the controllers elect others, and waits until they lead.</summary>
    private async Task HandOverAsync(CancellationToken cancellationToken)
    {
        try
        {
            _drain?.Resign();
            _replicas.Resign();
            if (!await _registrar.TryDrainAsync(_started, cancellationToken)) return;
            await SettleAllAsync().WaitAsync(cancellationToken);
            while (CountToHandOver() > 0) await Task.Delay(HandOverCheckPeriod, _time, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogNotHandedOver(_logger, CountToHandOver());
        }
    }

    /// <summary>The partitions led here that another broker could lead.</summary>
    private int CountToHandOver()
    {
        var statuses = _view.Statuses;
        return _replicas.Topics.Sum(topic => topic.Record.Control.Partitions.Count(
            partition => partition.Leader == _self && partition.InSync.Any(statuses.CanLead)));
    }

    private ReplicaCounts CountReplicas() =>
        ReplicaCounts.Of(_replicas.Topics, _self, topic => _configs.Layers.ResolveTopic(topic.ConfigOverrides));

    private ReplicaFetcher CreateFetcher(NodeId leader) => new(
        leader,
        () => _brokers.Find(leader),
        _self,
        () => _gate.Generation,
        _configs,
        _time,
        _logs.CreateLogger<ReplicaFetcher>(),
        _throttle,
        topic => _settler?.CatchUp(topic));

    [LoggerMessage(Level = LogLevel.Information, Message = "Broker {Node} is ready at {Host}:{Port}")]
    private static partial void LogReady(ILogger logger, int node, string host, int port);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Stopping with {Count} partition(s) not handed over yet; others are elected when this broker is gone")]
    private static partial void LogNotHandedOver(ILogger logger, int count);
}
