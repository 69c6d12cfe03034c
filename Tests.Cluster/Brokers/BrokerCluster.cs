using Loire.Client;
using Loire.Embedded;
using Loire.Grains;
using Loire.Grains.Hosting;
using Loire.Grains.Storage;
using Loire.Tests.Cluster.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>Silos of this process, each a whole broker with a log of its own, and an Orleans client.</summary>
internal sealed class BrokerCluster : IAsyncDisposable
{
    private readonly string _directory;
    private readonly InProcessTestCluster _cluster;

    private BrokerCluster(string directory, InProcessTestCluster cluster)
    {
        _directory = directory;
        _cluster = cluster;
    }

    public ILoireClient Client => _cluster.Client.ServiceProvider.GetRequiredService<ILoireClient>();

    public InProcessTestCluster Orleans => _cluster;

    public IReadOnlyList<InProcessSiloHandle> Silos => _cluster.Silos;

    /// <param name="configureStreams">Null for silos without streams.</param>
    public static async Task<BrokerCluster> StartAsync(short silos = 3, Action<LoireStreamOptions>? configureStreams = null)
    {
        var directory = Directory.CreateTempSubdirectory("loire-").FullName;
        var storage = new FileGrainStorage(Path.Combine(directory, "control"), new DocumentSerializer());
        var started = 0;
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((_, silo) =>
        {
            var node = Interlocked.Increment(ref started);
            silo.Services.AddSingleton<ILoggerFactory>(_ => LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Warning)));
            silo.Services.AddGrainStorage(LoireStorage.Name, (_, _) => storage);
            silo.AddMemoryGrainStorage("PubSubStore");
            silo.AddLoire(new LoireSiloOptions { Broker = Options(directory, node, silos) });
            if (configureStreams is not null)
                silo.AddLoireStreams(StreamCluster.Provider, configureStreams);
        });
        builder.ConfigureClient(client =>
        {
            client.AddLoireClient();
            client.AddLoireStreams(StreamCluster.Provider);
        });
        var cluster = new BrokerCluster(directory, builder.Build());
        try
        {
            await cluster._cluster.DeployAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The silo that leads a partition.</summary>
    public async Task<InProcessSiloHandle> LeaderOfAsync(string topic, int partition, CancellationToken cancellationToken)
    {
        var description = await Client.Admin.DescribeTopicAsync(topic, cancellationToken);
        var leader = description!.Partitions[partition].Leader;
        return Silos.Single(silo =>
            silo.SiloHost.Services.GetRequiredService<LoireSiloOptions>().Broker.NodeId == leader);
    }

    /// <summary>What Kafka clients take as bootstrap.servers.</summary>
    public string Bootstrap => string.Join(
        ',', Silos.Select(silo => silo.SiloHost.Services.GetRequiredService<LoireBroker>().Address.ToString()));

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static BrokerOptions Options(string directory, int node, int silos)
    {
        var replicas = Math.Min(3, silos).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return new BrokerOptions
        {
            NodeId = node,
            DataDirectory = Path.Combine(directory, $"broker-{node}"),
            Listen = new HostPort("127.0.0.1", 0),
            JournalSegmentBytes = 16 << 20,
            JournalMemoryBytes = 8 << 20,
            BatchBytesMax = 4 << 20,
            StopTimeout = TimeSpan.FromSeconds(2),
            Kafka = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["num.partitions"] = "4",
                ["default.replication.factor"] = replicas,
                ["offsets.topic.replication.factor"] = replicas,
                ["offsets.topic.num.partitions"] = "4",
                ["min.insync.replicas"] = silos > 1 ? "2" : "1",
            },
        };
    }
}
