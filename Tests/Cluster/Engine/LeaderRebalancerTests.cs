using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Broker 1 looks for what it should lead, with the controllers in memory and a clock of the test's.</summary>
public sealed class LeaderRebalancerTests : IAsyncDisposable
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private static readonly TopicName Orders = new("orders");
    private static readonly ImmutableSortedDictionary<string, string> NoConfigs = ImmutableSortedDictionary<string, string>.Empty;

    private readonly InMemoryControllers _controllers = new();
    private readonly ClusterView _view = new(NullLogger<ClusterView>.Instance);
    private readonly InMemoryControl _control;
    private readonly FakeTime _time = new();

    public LeaderRebalancerTests() => _control = new InMemoryControl(_controllers);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _view.DisposeAsync();

    [Fact]
    public async Task What_it_is_preferred_for_and_in_sync_with_comes_back_and_nothing_else()
    {
        await CreateTopicAsync([One, Two], [Two, One], [One, Two]);
        await LoseLeadershipAsync();
        await JoinAsync(0, Two, One);
        await using var rebalancer = Rebalancer();
        var calls = _control.CallCount;
        _time.Advance(TimeSpan.FromSeconds(299));
        _control.CallCount.ShouldBe(calls, "it is not time yet");

        _time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.IsTrueAsync(() => Leader(0) == One, "partition 0 has its preferred leader");
        Leader(1).ShouldBe(Two, "another broker's");
        Leader(2).ShouldBe(Two, "this one is not in sync");
        _control.CallCount.ShouldBe(calls + 1);

        await JoinAsync(2, Two, One);
        _time.Advance(TimeSpan.FromSeconds(300));
        await Eventually.IsTrueAsync(() => Leader(2) == One, "partition 2 has followed");
    }

    [Fact]
    public async Task A_broker_that_drains_asks_for_nothing_back()
    {
        await CreateTopicAsync([One, Two]);
        await LoseLeadershipAsync();
        await JoinAsync(0, Two, One);
        _view.Learn(await _control.DrainAsync(One, 1, Token));
        await using var rebalancer = Rebalancer();
        var calls = _control.CallCount;
        await rebalancer.RebalanceAsync();
        _control.CallCount.ShouldBe(calls);
    }

    [Fact]
    public async Task Controllers_that_are_away_are_asked_again_at_the_next_turn()
    {
        await CreateTopicAsync([One, Two]);
        await LoseLeadershipAsync();
        await JoinAsync(0, Two, One);
        await using var rebalancer = Rebalancer();
        var calls = _control.CallCount;
        _control.IsCut = true;
        _time.Advance(TimeSpan.FromSeconds(300));
        await Eventually.IsTrueAsync(() => _control.CallCount > calls, "it was tried");
        _control.IsCut = false;
        await Eventually.IsTrueAsync(
            () =>
            {
                _time.Advance(TimeSpan.FromSeconds(300));
                return Leader(0) == One;
            },
            "the leader is back");
    }

    [Fact]
    public async Task It_can_be_switched_off()
    {
        await CreateTopicAsync([One, Two]);
        await LoseLeadershipAsync();
        await JoinAsync(0, Two, One);
        await using var rebalancer = Rebalancer(("auto.leader.rebalance.enable", "false"));
        var calls = _control.CallCount;
        await rebalancer.RebalanceAsync();
        _control.CallCount.ShouldBe(calls);
    }

    private NodeId Leader(int partition) => _controllers.Find(Orders)!.Control.Partitions[partition].Leader;

    private LeaderRebalancer Rebalancer(params (string Name, string Value)[] kafka)
    {
        var host = ConfigLayers.FromHost(kafka.Select(config => KeyValuePair.Create(config.Name, config.Value)));
        return new(_view, _control, One, new ClusterConfigs(_view, One, host), _time, NullLogger<LeaderRebalancer>.Instance);
    }

    private async Task CreateTopicAsync(params NodeId[][] replicas)
    {
        foreach (var node in new[] { Two, One })
        {
            _controllers.SetLive(node, _view);
            _view.Learn(await _control.RegisterAsync(new BrokerEndpoint(node, "host", 9092, null), new(node, 0, "d"), null, Token));
        }

        ImmutableArray<ImmutableArray<NodeId>> assignments = [.. replicas.Select(nodes => nodes.ToImmutableArray())];
        await _control.CreateTopicAsync(new NewTopic(Orders, -1, -1, assignments, NoConfigs), false, Token);
    }

    /// <summary>Broker 1 goes and comes back: broker 2 leads everything, and is alone in sync.</summary>
    private async Task LoseLeadershipAsync()
    {
        _controllers.SetLive(One, learner: null);
        await _control.SettleAsync(Orders, null, Token);
        _controllers.SetLive(One, _view);
        _controllers.Find(Orders)!.Control.Partitions.ShouldAllBe(partition => partition.Leader == Two);
    }

    private async Task JoinAsync(int partition, params NodeId[] inSync)
    {
        var topic = _controllers.Find(Orders)!;
        var state = topic.Control.Partitions[partition];
        var proposal = new InSyncProposal(Two, state.LeaderEpoch, state.PartitionEpoch, [.. inSync]);
        var index = new PartitionIndex(partition);
        _view.Learn(await _control.AlterInSyncAsync(new TopicIdPartition(topic.Id, Orders, index), proposal, Token));
    }
}
