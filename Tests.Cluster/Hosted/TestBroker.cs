using System.Globalization;
using Loire.Bench.Processes;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Embedded;
using Loire.Grains;
using Loire.Grains.Hosting;
using Loire.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A broker of a <see cref="LoireTestCluster"/>: its port and data directory stay the same through its deaths.</summary>
/// <param name="configure">What the test wants of its silo beside a broker.</param>
internal sealed class TestBroker(
    int nodeId, string? rack, IReadOnlyDictionary<string, string> settings, StoreLink store, Action<ISiloBuilder> configure)
{
    private readonly int _port = LoopbackPort.Free();

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

    /// <summary>Whether it knows a topic in this state or a newer one, and has opened the partitions that it leads.</summary>
    public bool HasTakenRoles(TopicRecord? topic)
    {
        if (topic is null || View.Find(topic.Name) is not { } known || known.Version < topic.Version) return false;
        var partitions = Services.GetRequiredService<IPartitionDirectory>();
        return known.Control.Partitions.Select((partition, index) => (partition, index)).All(each =>
            each.partition.Leader.Value != nodeId
            || partitions.Find(topic.Name, new PartitionIndex(each.index)).Replica is { KnowsHighWatermark: true });
    }

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
        configure(silo);
    }
}
