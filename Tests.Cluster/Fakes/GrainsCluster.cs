using System.Collections.Concurrent;
using System.Globalization;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains;
using Loire.Grains.Control;
using Loire.Grains.Interfaces;
using Loire.Grains.Push;
using Loire.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>Silos with Loire's grains and without brokers. Those are numbered from 1 and registered by
/// <see cref="RegisterAllAsync"/>.</summary>
internal sealed class GrainsCluster : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, FakeView> _views = new(StringComparer.Ordinal);
    private readonly InProcessTestCluster _cluster;
    private int _runs;

    private GrainsCluster(short silos, SharedStorage storage, Action<IServiceCollection> configure)
    {
        Storage = storage;
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSiloHost((silo, host) =>
        {
            silo.SiloName = "broker-" + (int.Parse(silo.SiloName.Split('_')[1], CultureInfo.InvariantCulture) + 1);
            var view = new FakeView();
            _views[silo.SiloName] = view;
            var services = host.Services;
            services.AddLoireGrains(_ => Task.CompletedTask);
            services.AddSingleton<IClusterView>(view);
            services.AddSingleton<IClusterLearner>(view);
            services.AddSingleton<ITopicCatalog>(new FakeCatalog());
            services.AddGrainStorage(LoireStorage.Name, (_, _) => storage);
            services.AddSingleton(new ClusterProtocol(Level));
            services.AddSingleton<IPusher>(provider => new PatientPusher(
                ActivatorUtilities.CreateInstance<Pusher>(provider), () => WaitsForAllBrokers));
            configure(services);
        });
        _cluster = builder.Build();
    }

    public SharedStorage Storage { get; }

    /// <summary>Of the protocol that silos speak which start from now on.</summary>
    public int Level { get; set; } = ClusterProtocol.CurrentLevel;

    /// <summary>Whether who changes something is answered only when all live brokers have learnt of it.</summary>
    public bool WaitsForAllBrokers { get; set; } = true;

    public IGrainFactory Grains => _cluster.Client;

    public InProcessTestCluster Test => _cluster;

    public static async Task<GrainsCluster> StartAsync(
        short silos = 3, SharedStorage? storage = null, Action<IServiceCollection>? configure = null)
    {
        var cluster = new GrainsCluster(silos, storage ?? new SharedStorage(), configure ?? (_ => { }));
        await cluster._cluster.DeployAsync();
        return cluster;
    }

    public FakeView View(int node) => _views["broker-" + node];

    public InProcessSiloHandle Silo(int node) => _cluster.Silos.Single(silo => silo.Name == "broker-" + node);

    /// <summary>What the broker of a silo has of its controllers.</summary>
    public IClusterControl Control(int node) => Silo(node).ServiceProvider.GetRequiredService<IClusterControl>();

    /// <summary>What a later run of a broker has of its controllers: one whose silo has another address.</summary>
    public IClusterControl ControlOfNextRun(int node)
    {
        var silo = Silo(node).SiloAddress;
        var next = SiloAddress.New(silo.Endpoint, silo.Generation + Interlocked.Increment(ref _runs));
        return new OrleansClusterControl(
            Silo(node).ServiceProvider.GetRequiredService<IGrainFactory>(), new SiloOfRun(next), TimeProvider.System);
    }

    /// <summary>Starts a broker anew, as far as the controllers see.</summary>
    public Task<ClusterRecord> RegisterAsync(int node, string? directory = null, string? clusterId = null) =>
        RegisterAsync(ControlOfNextRun(node), node, directory, clusterId);

    public static Task<ClusterRecord> RegisterAsync(
        IClusterControl control, int node, string? directory = null, string? clusterId = null) =>
        control.RegisterAsync(
            new BrokerEndpoint(new NodeId(node), "localhost", 9090 + node, "rack-" + node),
            new BrokerGeneration(new NodeId(node), 0, directory ?? "directory-" + node),
            clusterId,
            CancellationToken.None);

    public Task<ClusterRecord> ReadClusterAsync() =>
        Grains.GetGrain<IClusterControlGrain>(IClusterGrain.Key).ReadAsync();

    public async Task RegisterAllAsync()
    {
        foreach (var silo in _cluster.Silos) await RegisterAsync(int.Parse(silo.Name.Split('-')[1], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    private sealed class SiloOfRun(SiloAddress address) : ILocalSiloDetails
    {
        public string Name => "";
        public string ClusterId => "";
        public string DnsHostName => "";
        public SiloAddress SiloAddress => address;
        public SiloAddress GatewayAddress => address;
    }
}
