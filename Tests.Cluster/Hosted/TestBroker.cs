using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Loire.Cluster;
using Loire.Embedded;
using Loire.Grains;
using Loire.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A broker of a <see cref="LoireTestCluster"/>: its port and data directory stay the same through its deaths.</summary>
internal sealed class TestBroker(int nodeId, string? rack, IReadOnlyDictionary<string, string> settings, StoreLink store)
{
    private readonly int _port = FreePort();

    public int NodeId => nodeId;

    /// <summary>Its way to the membership table and to the controllers' states.</summary>
    public StoreLink Store => store;

    /// <summary>Of the run that is up.</summary>
    public SiloNetwork Network { get; private set; } = new();

    public string DataDirectory { get; } = Directory.CreateTempSubdirectory("loire-test-cluster-").FullName;

    public string Bootstrap => $"127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Null while it is down.</summary>
    public InProcessSiloHandle? Silo { get; set; }

    /// <summary>Completes when nothing is left of the last run that was killed.</summary>
    public Task Ending { get; set; } = Task.CompletedTask;

    public bool IsUp => Silo is { IsActive: true };

    public LoireBroker Host => Services.GetRequiredService<LoireBroker>();

    public IClusterView View => Services.GetRequiredService<IClusterView>();

    public IServiceProvider Services =>
        Silo?.ServiceProvider ?? throw new InvalidOperationException($"Broker {nodeId} is down.");

    /// <summary>Loses everything it stored, as with a new disk.</summary>
    public void LoseData()
    {
        Directory.Delete(DataDirectory, recursive: true);
        Directory.CreateDirectory(DataDirectory);
    }

    public void Configure(ISiloBuilder silo)
    {
        Network = new SiloNetwork();
        silo.Configure<SiloConnectionOptions>(Network.Configure);
        silo.Services.AddSingleton<IMembershipTable>(store);
        silo.Services.AddGrainStorage(LoireStorage.Name, (_, _) => store);
        silo.AddLoire(new LoireSiloOptions
        {
            Broker = new BrokerOptions
            {
                NodeId = nodeId,
                Rack = rack,
                DataDirectory = DataDirectory,
                Listen = new HostPort("127.0.0.1", _port),
                JournalSegmentBytes = 16 << 20,
                JournalMemoryBytes = 8 << 20,
                BatchBytesMax = 2 << 20,
                Kafka = settings,
            },
        });
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
