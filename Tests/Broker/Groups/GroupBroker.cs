using System.Collections.Immutable;
using System.Net;
using Loire.Broker.Configs;
using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Loire.Tests.Broker.Groups;

/// <summary>The group handlers over the single-node engine, with logs in memory and the clock in the test's hand.</summary>
internal sealed class GroupBroker : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-groups-").FullName;
    private readonly SingleNodeTopicCatalog _catalog;
    private readonly SingleNodeBrokerDirectory _brokers;
    private readonly SingleNodePartitions _partitions;
    private readonly ClientConnection _connection =
        new() { Id = "test", RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 50_000) };

    private GroupBroker()
    {
        var identity = DirectoryIdentity.Open(_directory, new NodeId(1));
        var configs = ConfigLayers.FromHost([KeyValuePair.Create("offsets.topic.num.partitions", "5")]);
        _partitions = new SingleNodePartitions(
            new FakeLogStore(), identity.NodeId, Time, NullLogger<SingleNodePartitions>.Instance);
        _catalog = SingleNodeTopicCatalog.Open(
            identity, configs, _partitions, NullLogger<SingleNodeTopicCatalog>.Instance);
        _brokers = new SingleNodeBrokerDirectory(identity, rack: null);
        _brokers.Advertise("broker.example", 9_092);
        Coordinators = CreateCoordinators();
    }

    public ManualTime Time { get; } = new();
    public ITopicCatalog Catalog => _catalog;
    public SingleNodeGroupCoordinators Coordinators { get; private set; }

    public static async Task<GroupBroker> StartAsync(params string[] topics)
    {
        var broker = new GroupBroker();
        await broker.Coordinators.StartAsync(TestContext.Current.CancellationToken);
        foreach (var topic in topics)
            await broker.CreateTopicAsync(topic);
        return broker;
    }

    /// <summary>Answers FindCoordinator and waits until the coordinators are loaded.</summary>
    public async Task<FindCoordinatorResponse> FindCoordinatorAsync(string group, short version = 6)
    {
        var response = await new FindCoordinatorHandler(Coordinators).HandleAsync(Context(version), new FindCoordinatorRequest
        {
            Key = version < 4 ? group : "",
            CoordinatorKeys = version < 4 ? [] : [group],
        });
        await LoadedAsync();
        return response;
    }

    public Task CreateTopicAsync(string name, int partitions = 2) => _catalog.CreateTopicAsync(
        new NewTopic(new TopicName(name), partitions, 1, null, ImmutableSortedDictionary<string, string>.Empty),
        validateOnly: false,
        TestContext.Current.CancellationToken);

    /// <summary>The coordinators are lost, and loaded again from their partitions.</summary>
    public async Task RestartCoordinatorsAsync()
    {
        await Coordinators.DisposeAsync();
        Coordinators = CreateCoordinators();
        await Coordinators.StartAsync(TestContext.Current.CancellationToken);
        await LoadedAsync();
    }

    public RequestContext Context(short version) =>
        new(version, 1, "client", _connection, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Coordinators.DisposeAsync();
        await _catalog.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private Task LoadedAsync() => Task.WhenAll(Coordinators.Local.Select(coordinator => coordinator.Loaded));

    private SingleNodeGroupCoordinators CreateCoordinators() =>
        new(_catalog, _partitions, _brokers, _catalog, Time, NullLoggerFactory.Instance);
}
