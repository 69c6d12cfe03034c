using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Client;
using Xunit;
using PartitionState = Loire.Broker.Control.PartitionState;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Brokers that make a cluster, with controllers and membership in memory.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly List<TestBroker> _brokers = [];

    private TestCluster()
    {
    }

    public InMemoryControllers Controllers { get; } = new();

    public TestBroker this[NodeId node] => _brokers.Single(broker => broker.Node == node);

    public TestBroker this[int node] => this[new NodeId(node)];

    public IEnumerable<TestBroker> Up => _brokers.Where(broker => broker.IsUp);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<TestCluster> StartAsync(int brokers = 3, params (string Name, string Value)[] kafka)
    {
        var configs = new Dictionary<string, string>(StringComparer.Ordinal) { ["group.initial.rebalance.delay.ms"] = "0" };
        foreach (var (name, value) in kafka) configs[name] = value;
        var cluster = new TestCluster();
        for (var id = 1; id <= brokers; id++)
        {
            var broker = new TestBroker(cluster.Controllers, id, configs);
            cluster._brokers.Add(broker);
            await broker.StartAsync(Token);
        }

        return cluster;
    }

    /// <summary>A client that knows all brokers, and is patient.</summary>
    public KafkaClient Client() => new(new KafkaClientOptions
    {
        BootstrapServers = string.Join(',', _brokers.Select(broker => broker.Address)),
        RetryTimeout = Eventually.Patience,
    });

    public async Task<TopicName> CreateTopicAsync(
        string name, int partitions, short replicas, params (string Name, string Value)[] configs)
    {
        var overrides = configs.ToImmutableSortedDictionary(config => config.Name, config => config.Value, StringComparer.Ordinal);
        var topic = new NewTopic(new TopicName(name), partitions, replicas, Assignments: null, overrides);
        await Up.First().Broker!.Catalog.CreateTopicAsync(topic, validateOnly: false, Token);
        return topic.Name;
    }

    public PartitionState State(TopicName topic, int partition = 0) =>
        Controllers.Find(topic)!.Control.Partitions[partition];

    /// <summary>The broker that leads a partition, as the controllers have it.</summary>
    public TestBroker LeaderOf(TopicName topic, int partition = 0) => this[State(topic, partition).Leader];

    /// <summary>Lets the membership see that a broker is gone, and every other one have the topics settled and act upon what
    /// comes of it.</summary>
    public async Task NoticeAsync(TestBroker gone)
    {
        Controllers.SetLive(gone.Node, learner: null);
        await Task.WhenAll(Up.Select(broker => broker.Broker!.SettleAllAsync()));
        await Task.WhenAll(Up.Select(broker => broker.ToldAsync()));
    }

    /// <summary>Makes a broker the preferred leader of a topic's first partition and elects it.</summary>
    public async Task MoveLeadAsync(TopicName topic, TestBroker leader)
    {
        ImmutableArray<NodeId> replicas = [leader.Node, .. State(topic).Replicas.Where(node => node != leader.Node)];
        await leader.Control.ReassignAsync(topic, new PartitionIndex(0), replicas, Token);

        // One that is in sync may fall behind again before it is elected.
        await Eventually.AnswersAsync(ElectAsync, elected => elected == leader.Node, "it leads", failure => failure is KafkaException);

        async Task<NodeId> ElectAsync()
        {
            if (State(topic).Leader != leader.Node)
                await leader.Control.ElectAsync(topic, new PartitionIndex(0), isUnclean: false, Token);
            return State(topic).Leader;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in _brokers) await broker.DisposeAsync();
    }
}
