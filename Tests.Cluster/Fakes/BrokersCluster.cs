using System.Collections.Immutable;
using System.Globalization;
using Loire.Embedded;
using Loire.Grains;
using Loire.Grains.Hosting;
using Loire.Grains.Interfaces;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>Whole brokers in silos of one process, with real logs and Kafka ports. They are numbered from 1.</summary>
internal sealed class BrokersCluster : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-brokers-").FullName;
    private readonly InProcessTestCluster _cluster;

    private BrokersCluster(short silos)
    {
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((silo, host) =>
        {
            var node = int.Parse(silo.SiloName.Split('_', '-')[1], CultureInfo.InvariantCulture) + (silo.SiloName[0] == 'S' ? 1 : 0);
            silo.SiloName = "broker-" + node;
            host.Services.AddGrainStorage(LoireStorage.Name, (_, _) => Storage);
            host.AddLoire(new LoireSiloOptions { Broker = Options(node) });
        });
        _cluster = builder.Build();
    }

    /// <summary>Where the controllers keep their state.</summary>
    public SharedStorage Storage { get; } = new();

    public InProcessTestCluster Test => _cluster;

    public IGrainFactory Grains => _cluster.Client;

    public static async Task<BrokersCluster> StartAsync(short silos = 3)
    {
        var cluster = new BrokersCluster(silos);
        await cluster._cluster.DeployAsync();
        return cluster;
    }

    public InProcessSiloHandle Silo(int node) => _cluster.Silos.Single(silo => silo.Name == "broker-" + node);

    public Task<TopicDescription> CreateAsync(string topic, int partitions, short replicas) =>
        Grains.GetGrain<ITopicGrain>(topic).CreateAsync(new TopicSpecification(
            partitions, replicas, ImmutableDictionary<string, string>.Empty.Add("min.insync.replicas", "2")));

    public IPartitionGrain Partition(string topic, int partition) =>
        Grains.GetGrain<IPartitionGrain>(PartitionKey.Of(topic, partition));

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private BrokerOptions Options(int node) => new()
    {
        NodeId = node,
        Rack = "rack-" + node,
        DataDirectory = Path.Combine(_directory, node.ToString(CultureInfo.InvariantCulture)),
        Listen = new HostPort("127.0.0.1", 0),
        JournalSegmentBytes = 8 << 20,
        JournalMemoryBytes = 4 << 20,
        BatchBytesMax = 2 << 20,
        StopTimeout = TimeSpan.FromSeconds(2),
        Kafka = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["offsets.topic.num.partitions"] = "3",
            ["group.initial.rebalance.delay.ms"] = "0",
        },
    };
}
