using System.Net;
using System.Net.Sockets;
using Loire.Broker.Lifetime;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Embedded;
using Loire.Embedded.Engine;
using Loire.Log;
using Loire.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Loire.Grains.Hosting;

/// <summary>The broker of this silo. Its log is opened before the silo joins its cluster, so that a silo whose disk is not
/// fit for it never becomes a member; it serves once the silo is active.</summary>
public sealed class LoireBroker : ILifecycleParticipant<ISiloLifecycle>, IAsyncDisposable
{
    private readonly BrokerOptions _options;
    private readonly IClusterControl _control;
    private readonly ClusterView _view;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _logs;
    private readonly ClusterMembershipOptions _membership;
    private readonly OwnedParts _parts = new();
    private LogStore? _store;
    private ClusterBroker? _broker;

    public LoireBroker(
        LoireSiloOptions options,
        IClusterControl control,
        ClusterView view,
        TimeProvider time,
        ILoggerFactory logs,
        IOptions<ClusterMembershipOptions> membership)
    {
        _options = options.Broker;
        _control = control;
        _view = _parts.Own(view);
        _time = time;
        _logs = logs;
        _membership = membership.Value;
        Address = _options.Advertise ?? _options.Listen;
    }

    /// <summary>What clients and other brokers connect to.</summary>
    public HostPort Address { get; private set; }

    public string DataDirectory => _options.DataDirectory;

    /// <summary>The longest that handing over and then answering what is in flight may take.</summary>
    public TimeSpan StopTimeout => 2 * _options.StopTimeout;

    /// <summary>How the broker is, and the replicas it holds.</summary>
    public BrokerHealth Health => Broker.Health;

    /// <summary>Why the broker takes no more writes; null while it does. Reads of what was acknowledged go on.</summary>
    public LogStoreException? Failure => _store?.Failure;

    /// <summary>What of the log was found damaged since the start; null for nothing. All else is served.</summary>
    public string? Damage => _store?.DamageSummary;

    internal ClusterBroker Broker =>
        _broker ?? throw new InvalidOperationException("The broker is there from the first stage of the silo's start on.");

    public void Participate(ISiloLifecycle lifecycle)
    {
        lifecycle.Subscribe(nameof(LoireBroker), ServiceLifecycleStage.First, Open, _ => DisposeAsync().AsTask());
        lifecycle.Subscribe(
            nameof(LoireBroker),
            ServiceLifecycleStage.Active + 1,
            cancellationToken => Broker.StartAsync(cancellationToken),
            StopAsync);
    }

    /// <summary>Of a silo whose start failed, which goes through no stages of a stop.</summary>
    public ValueTask DisposeAsync() => _parts.DisposeAsync();

    private Task StopAsync(CancellationToken cancellationToken)
    {
        _membership.MaxJoinAttemptTime = LoireMembership.LeaveTimeout;
        return Broker.StopAsync(cancellationToken);
    }

    private Task Open(CancellationToken cancellationToken)
    {
        var configs = BrokerParts.Configs(_options);
        var listen = _options.Listen.Resolve();
        if (listen[0].Port == 0) listen = [new IPEndPoint(listen[0].Address, FreePort(listen[0].Address))];
        else CheckFree(listen);
        if (Address.Port == 0) Address = Address with { Port = listen[0].Port };
        var identity = DirectoryIdentity.OpenMember(_options.DataDirectory, new NodeId(_options.NodeId));
        _store = _parts.Own(BrokerParts.OpenLog(_options, _logs));
        var options = new ClusterBrokerOptions
        {
            Endpoint = new BrokerEndpoint(identity.NodeId, Address.Host, Address.Port, _options.Rack),
            Listen = listen,
            DirectoryId = identity.DirectoryId,
            ClusterId = identity.ClusterId.Length > 0 ? identity.ClusterId : null,
            OnRegistered = clusterId => identity.Joined(clusterId),
            Configs = configs,
            Gateway = _options.Gateway,
            StopTimeout = _options.StopTimeout,
        };
        _broker = _parts.Own(new ClusterBroker(options, _store, _control, _view, _time, _logs));
        return Task.CompletedTask;
    }

    /// <summary>A broker that could not open its port when it has its roles would be one that leads and cannot be
    /// reached.</summary>
    private static void CheckFree(IEnumerable<IPEndPoint> addresses)
    {
        foreach (var address in addresses)
        {
            try
            {
                using var listener = new TcpListener(address);
                listener.Start();
            }
            catch (SocketException failure)
            {
                throw new IOException(
                    $"Cannot listen on {address} for Kafka clients: {failure.Message}. End what uses it, or give this broker another "
                    + "address: --listen, or BrokerOptions.Listen.",
                    failure);
            }
        }
    }

    /// <summary>The cluster has to know a broker's port before the broker opens it.</summary>
    private static int FreePort(IPAddress address)
    {
        using var listener = new TcpListener(address, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
