using System.Diagnostics.Metrics;
using System.Net;
using Loire.Broker.Gateway;
using Loire.Broker.Handlers;
using Loire.Broker.Lifetime;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Log;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Embedded;

/// <summary>A whole broker in one process: log, single-node engine, handlers and gateway, put together in the order in
/// which they depend on each other, and taken apart in the reverse one.</summary>
public sealed class BrokerHost : IAsyncDisposable
{
    public const string MeterName = "Loire";
    public const string ActivitySourceName = RequestSpan.SourceName;

    private readonly BrokerOptions _options;
    private readonly OwnedParts _parts = new();
    private LogStore? _store;
    private KafkaServer? _server;

    private BrokerHost(BrokerOptions options) => _options = options;

    /// <summary>What clients connect to.</summary>
    public HostPort Address { get; private set; } = new("", 0);

    public string DataDirectory => _store!.DataDirectory;

    /// <summary>Why the broker takes no more writes; null while it does. Reads of what was acknowledged go on.</summary>
    public LogStoreException? Failure => _store!.Failure;

    /// <summary>What of the log was found damaged since the start; null for nothing. All else is served.</summary>
    public string? Damage => _store!.DamageSummary;

    /// <exception cref="KafkaException">INVALID_CONFIG: names the config.</exception>
    /// <exception cref="FormatException">The address to listen on is none, or clients are not told one to connect to.</exception>
    /// <exception cref="LogStoreException">The log is in use, damaged or of a newer format.</exception>
    /// <exception cref="DataDirectoryException">The data directory cannot be used.</exception>
    /// <exception cref="IOException">The address is in use.</exception>
    public static async Task<BrokerHost> StartAsync(
        BrokerOptions options, ILoggerFactory logs, TimeProvider time, CancellationToken cancellationToken)
    {
        var host = new BrokerHost(options);
        try
        {
            await host.ComposeAsync(logs, time, cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Accepts no more, answers what is in flight, and closes the log so that the next start replays
    /// nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopServerAsync();
        }
        finally
        {
            await _parts.DisposeAsync();
        }
    }

    private async Task StopServerAsync()
    {
        if (_server is null) return;
        using var timeout = new CancellationTokenSource(_options.StopTimeout);
        await _server.StopAsync(timeout.Token);
        await _server.DisposeAsync();
    }

    private async Task ComposeAsync(ILoggerFactory logs, TimeProvider time, CancellationToken cancellationToken)
    {
        var advertise = _options.Advertise ?? _options.Listen;
        if (advertise.IsEveryAddress)
        {
            throw new FormatException(
                $"A broker that listens on {_options.Listen} has to tell clients where: name its host in --advertise HOST:PORT.");
        }

        _server = new KafkaServer(_options.Listen.Resolve(), _options.Gateway, time, logs);
        var layers = BrokerParts.Configs(_options);
        var node = new NodeId(_options.NodeId);

        var store = _store = _parts.Own(BrokerParts.OpenLog(_options, logs));
        var identity = DirectoryIdentity.Open(_options.DataDirectory, node);
        var brokers = new SingleNodeBrokerDirectory(identity, _options.Rack);
        var partitions = new SingleNodePartitions(store, node, time, logs.CreateLogger<SingleNodePartitions>());
        var catalog = _parts.Own(SingleNodeTopicCatalog.Open(
            identity, layers, partitions, logs.CreateLogger<SingleNodeTopicCatalog>()));
        partitions.RemoveStrays();
        var producerIds = SingleNodeProducerIds.Open(_options.DataDirectory);
        _parts.Own(new RetentionDriver(() => partitions.Replicas, catalog, time, logs.CreateLogger<RetentionDriver>()));
        var groups = _parts.Own(new SingleNodeGroupCoordinators(catalog, partitions, brokers, catalog, time, logs));
        await groups.StartAsync(cancellationToken);

        var handlers = BrokerHandlers.Create(
            new BrokerPorts(
                catalog,
                catalog,
                partitions,
                new SingleNodePartitionControl(catalog, node),
                NoFollowers.Instance,
                brokers,
                new SingleNodeBrokerRegistry(node),
                groups,
                producerIds,
                store),
            time,
            logs);

        // A fixed address is known before the first client can ask for it, a free port when it is bound.
        if (advertise.Port != 0) brokers.Advertise(advertise.Host, advertise.Port);
        var meter = _parts.Own(new OwnedMeter()).Meter;
        var gateway = new KafkaConnectionHandler(
            new RequestDispatcher(handlers), catalog, _options.Gateway, meter, time, logs);
        await _server.StartAsync(gateway, cancellationToken);
        Address = advertise.Port != 0 ? advertise : Bound(advertise, _server.LocalEndPoint);
        brokers.Advertise(Address.Host, Address.Port);
    }

    private static HostPort Bound(HostPort advertise, IPEndPoint local) => new(advertise.Host, local.Port);

    private sealed class OwnedMeter : IAsyncDisposable
    {
        public Meter Meter { get; } = new(MeterName);

        public ValueTask DisposeAsync()
        {
            Meter.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
