using System.Collections.Immutable;
using System.Globalization;
using Loire.Broker.Control;
using Loire.Client;
using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.TestingHost;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A whole cluster in this process: each broker a silo with its own data directory and Kafka port, numbered from 1.
/// What the silos share, the membership table and the controllers' states, outlives each of them.</summary>
internal sealed class LoireTestCluster : IAsyncDisposable
{
    private static readonly ImmutableDictionary<string, string> Settings = ImmutableDictionary<string, string>.Empty
        .Add("num.partitions", "3")
        .Add("offsets.topic.num.partitions", "3")
        .Add("group.initial.rebalance.delay.ms", "0")
        .Add("replica.lag.time.max.ms", "2000");

    private readonly SharedMembership _membership = new();
    private readonly LoireTestClusterOptions _options;
    private readonly TestCluster _cluster;
    private IHost? _client;

    private LoireTestCluster(LoireTestClusterOptions options)
    {
        _options = options;
        var states = new SharedStorage();
        var replicas = Math.Min(3, options.Racks.Length);
        var settings = Settings
            .Add("default.replication.factor", replicas.ToString(CultureInfo.InvariantCulture))
            .Add("offsets.topic.replication.factor", replicas.ToString(CultureInfo.InvariantCulture))
            .Add("min.insync.replicas", replicas > 1 ? "2" : "1")
            .SetItems(options.Settings);
        Brokers =
        [
            .. options.Racks.Select((rack, index) => new TestBroker(
                index + 1, rack, settings, new StoreLink(_membership, states), options.ConfigureSilo)),
        ];
        var builder = new TestClusterBuilder((short)options.Racks.Length) { PortAllocator = new LoopbackPortAllocator() };
        builder.Options.UseTestClusterMembership = false;
        builder.Options.ConfigureFileLogging = false;

        // Those that TestingHost adds would replace the grain directory of production.
        builder.Options.SiloBuilderConfiguratorTypes.Clear();
        builder.CreateSiloAsync = CreateSiloAsync;
        _cluster = builder.Build();
    }

    public ImmutableArray<TestBroker> Brokers { get; }

    public string Bootstrap => string.Join(',', Brokers.Select(broker => broker.Bootstrap));

    public TestBroker this[int nodeId] => Brokers[nodeId - 1];

    private IEnumerable<TestBroker> Up => Brokers.Where(broker => broker.IsUp);

    /// <summary>The Orleans client.</summary>
    public IClusterClient Orleans => _client!.Services.GetRequiredService<IClusterClient>();

    /// <summary>Our client, over Orleans' own.</summary>
    public ILoireClient Client => _client!.Services.GetRequiredService<ILoireClient>();

    /// <param name="settings">Broker configs by Kafka's names, beside <see cref="Settings"/>.</param>
    public static Task<LoireTestCluster> StartAsync(int brokers = 3, params (string Name, string Value)[] settings) =>
        StartAsync(new LoireTestClusterOptions(brokers, settings));

    /// <param name="racks">Of each broker.</param>
    /// <inheritdoc cref="StartAsync(int, ValueTuple{string, string}[])"/>
    public static Task<LoireTestCluster> StartAsync(ImmutableArray<string?> racks, params (string Name, string Value)[] settings) =>
        StartAsync(new LoireTestClusterOptions(racks.Length, settings) { Racks = racks });

    public static async Task<LoireTestCluster> StartAsync(LoireTestClusterOptions options)
    {
        var cluster = new LoireTestCluster(options);
        try
        {
            await cluster.StartAsync([.. cluster.Brokers]);
            await cluster.ConnectAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts brokers that are down, all at once, and waits until they are ready.</summary>
    public Task StartAsync(params TestBroker[] brokers) => Task.WhenAll(brokers.Select(async broker =>
    {
        await broker.Ending;
        broker.Store.IsCut = broker.Store.IsOfDeadSilo = false;
        broker.Silo = (InProcessSiloHandle)await Task.Run(
            () => TestCluster.StartSiloAsync(_cluster, broker.NodeId - 1, _cluster.Options));
        broker.Host.Health.Reason.ShouldBeNull();
    }));

    /// <summary>Lets a broker stop as on SIGTERM.</summary>
    public async Task StopAsync(TestBroker broker)
    {
        await _cluster.StopSiloAsync(broker.Silo!);
        broker.Silo = null;
    }

    /// <summary>Ends brokers at once: they neither hand anything over nor say goodbye, and the others have to find
    /// out.</summary>
    public Task KillAsync(params TestBroker[] brokers) => Task.WhenAll(brokers.Select(async broker =>
    {
        broker.Store.IsOfDeadSilo = true;
        broker.Network.Cut();
        await broker.Host.DisposeAsync();

        // What is left of the silo may wait half a minute for answers that never come. Nobody hears of it any more.
        broker.Ending = _cluster.KillSiloAsync(broker.Silo!);
        broker.Silo = null;
    }));

    /// <summary>A Kafka client that knows all brokers, or the given one alone, and is patient.</summary>
    public KafkaClient CreateKafkaClient(TestBroker? only = null) =>
        new(new KafkaClientOptions { BootstrapServers = only?.Bootstrap ?? Bootstrap, RetryTimeout = Eventually.Patience });

    /// <summary>Creates a topic, by default with the brokers' settings: 3 partitions, 3 replicas. All brokers know it then,
    /// and those that lead its partitions have taken their role.</summary>
    public async Task CreateTopicAsync(
        string topic, CancellationToken cancellationToken, int partitions = -1, params (string Name, string Value)[] configs)
    {
        var settings = configs.Select(config => KeyValuePair.Create(config.Name, config.Value));
        await Client.Admin.CreateTopicAsync(topic, partitions, configs: settings, cancellationToken: cancellationToken);
        await UntilAsync(
            () => Up.All(broker => broker.HasTakenRoles(Find(topic))), $"the brokers take their roles in {topic}", cancellationToken);
    }

    /// <summary>A topic as the brokers that are up know it, newest first.</summary>
    public TopicRecord? Find(string topic) => Up
        .Select(broker => broker.View.Find(new TopicName(topic)))
        .MaxBy(record => record?.Version ?? -1);

    /// <summary>A partition as <see cref="Find"/> has it.</summary>
    public PartitionState Partition(string topic, int partition = 0) => Find(topic)!.Control.Partitions[partition];

    /// <summary>The broker that leads a partition.</summary>
    public TestBroker LeaderOf(string topic, int partition = 0) => this[Partition(topic, partition).Leader.Value];

    /// <summary>The grain that is the controller of a topic.</summary>
    public GrainId ControllerId(string topic) =>
        Up.First().Services.GetRequiredService<IGrainFactory>().GetGrain<ITopicControlGrain>(topic).GetGrainId();

    /// <summary>The broker on whose silo the controller of a topic is active.</summary>
    public TestBroker ControllerOf(string topic)
    {
        _cluster.TryGetGrainContext(ControllerId(topic), out var controller).ShouldBeTrue();
        return Up.Single(broker => broker.Silo!.SiloAddress.Equals(controller!.Address.SiloAddress));
    }

    /// <summary>Waits until it holds; where it does not, says how the brokers see their partitions.</summary>
    public Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken) =>
        Eventually.IsTrueAsync(condition, what, Describe).WaitAsync(cancellationToken);

    /// <summary>Waits until all replicas of a topic are in sync, those of brokers that are down included.</summary>
    public Task UntilInSyncAsync(string topic, CancellationToken cancellationToken) => UntilAsync(
        () => Find(topic)?.Control.Partitions.All(partition => partition.InSync.Length == partition.Replicas.Length) == true,
        $"all replicas of {topic} in sync",
        cancellationToken);

    /// <summary>How the brokers that are up see the partitions.</summary>
    public string Describe() => string.Join(
        Environment.NewLine,
        Up.SelectMany(broker => broker.View.Topics.SelectMany(topic => topic.Control.Partitions.Select((partition, index) =>
            $"broker {broker.NodeId}: {topic.Name}-{index} v{topic.Version} leader {partition.Leader} epoch {partition.LeaderEpoch} "
            + $"in sync [{string.Join(' ', partition.InSync)}] of [{string.Join(' ', partition.Replicas)}]"))));

    public async ValueTask DisposeAsync()
    {
        if (_client is IAsyncDisposable client) await client.DisposeAsync();
        await KillAsync([.. Up]);
        await Task.WhenAll(Brokers.Select(broker => broker.Ending));
        await _cluster.DisposeAsync();
        foreach (var broker in Brokers) Directory.Delete(broker.DataDirectory, recursive: true);
    }

    private async Task ConnectAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(cluster =>
                (cluster.ClusterId, cluster.ServiceId) = (_cluster.Options.ClusterId, _cluster.Options.ServiceId));
            client.Services.AddSingleton<IGatewayListProvider>(_membership);
            client.AddLoireClient();
            _options.ConfigureClient(client);
        });
        _client = builder.Build();
        await _client.StartAsync(TestContext.Current.CancellationToken);
    }

    private async Task<SiloHandle> CreateSiloAsync(string siloName, IConfiguration configuration)
    {
        var index = int.Parse(siloName.AsSpan(siloName.LastIndexOf('_') + 1), NumberStyles.None, CultureInfo.InvariantCulture);
        var broker = Brokers[index];
        return await InProcessSiloHandle.CreateAsync(siloName, configuration, host => host
            .ConfigureLogging(logging => logging.AddProvider(new TestOutputLogs($"broker {broker.NodeId}")))
            .UseOrleans((_, silo) => broker.Configure(silo)));
    }
}
