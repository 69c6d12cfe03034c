using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Cluster.Replicas;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>What a broker keeps asking its controllers for.</summary>
public sealed class ControlDriverTests : IAsyncDisposable
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private static readonly ImmutableSortedDictionary<string, string> NoConfigs = ImmutableSortedDictionary<string, string>.Empty;

    private readonly InMemoryControllers _controllers = new();
    private readonly ClusterView _view = new(NullLogger<ClusterView>.Instance);
    private readonly InMemoryControl _control;

    public ControlDriverTests() => _control = new InMemoryControl(_controllers);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _view.DisposeAsync();

    [Fact]
    public async Task Of_proposals_that_come_while_one_is_under_way_the_newest_is_sent()
    {
        var partition = await CreateTopicAsync();
        var held = new TaskCompletionSource();
        _control.Held = held.Task;
        await using var proposals = new InSyncProposals(_control, _view, NullLogger<InSyncProposals>.Instance);
        var calls = _control.CallCount;
        proposals.Propose(partition, Proposal(0, One, Two));
        proposals.Propose(partition, Proposal(0, One));
        proposals.Propose(partition, Proposal(1, One));
        held.SetResult();

        await Eventually.IsTrueAsync(() => _view.Find(partition.Topic)?.Control.Partitions[0].PartitionEpoch == 2, "both are granted");
        _view.Find(partition.Topic)!.Control.Partitions[0].InSync.ShouldBe([One]);
        _control.CallCount.ShouldBe(calls + 2);
    }

    [Fact]
    public async Task A_proposal_that_fails_does_not_keep_later_ones_back()
    {
        var partition = await CreateTopicAsync();
        await using var proposals = new InSyncProposals(_control, _view, NullLogger<InSyncProposals>.Instance);
        _control.IsCut = true;
        var calls = _control.CallCount;
        proposals.Propose(partition, Proposal(0, One));
        await Eventually.IsTrueAsync(() => _control.CallCount > calls, "it was sent");
        _control.IsCut = false;

        // The leader repeats it until it knows a newer state.
        await Eventually.IsTrueAsync(
            () =>
            {
                proposals.Propose(partition, Proposal(0, One));
                return _view.Find(partition.Topic)?.Control.Partitions[0].PartitionEpoch == 1;
            },
            "it is granted");
    }

    [Fact]
    public async Task Settling_goes_on_until_the_controllers_can_be_reached()
    {
        var partition = await CreateTopicAsync();
        _controllers.SetLive(Two, learner: null);
        _control.IsCut = true;
        await using var settler = Settler();
        var settled = settler.SettleAllAsync();
        var calls = _control.CallCount;
        await Eventually.IsTrueAsync(() => _control.CallCount > calls + 1, "it was tried twice");
        settled.IsCompleted.ShouldBeFalse();

        _control.IsCut = false;
        await settled;
        _view.Find(partition.Topic)!.Control.Partitions[0].InSync.ShouldBe([One]);
    }

    [Fact]
    public async Task A_topic_whose_controller_is_out_of_reach_keeps_nobody_waiting_and_is_tried_again()
    {
        var partition = await CreateTopicAsync();
        _controllers.SetLive(Two, learner: null);
        _control.IsUnreadable = topic => topic == partition.Topic;
        await using var settler = Settler();
        await settler.SettleAllAsync().WaitAsync(Eventually.Patience, Token);
        _view.Find(partition.Topic).ShouldBeNull();

        _control.IsUnreadable = _ => false;
        await Eventually.IsTrueAsync(() => _view.Find(partition.Topic)?.Control.Partitions[0].InSync.Length == 1, "it is settled");
    }

    [Fact]
    public async Task A_deletion_of_which_every_broker_has_heard_is_let_go_and_what_is_told_of_it_later_corrected()
    {
        var partition = await CreateTopicAsync();
        var created = _controllers.Find(partition.Topic)!;
        _view.Learn(await _control.DeleteTopicAsync(partition.Topic, partition.TopicId, Token));
        await using var settler = Settler();
        await settler.SettleAllAsync();
        await _view.ToldAsync();
        _view.Find(partition.Topic).ShouldNotBeNull().IsDeleted.ShouldBeTrue();

        _controllers.Unlist(partition.Topic);
        await settler.SettleAllAsync();
        await _view.ToldAsync();
        _view.Find(partition.Topic).ShouldBeNull();

        _view.Learn(created);
        await settler.SettleAllAsync();
        _view.Find(partition.Topic).ShouldNotBeNull().IsDeleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Calls_that_come_while_a_round_is_under_way_share_one_more()
    {
        await CreateTopicAsync();
        await using var settler = Settler(new FakeTime());
        var held = new TaskCompletionSource();
        _control.Held = held.Task;
        var calls = _control.CallCount;
        var first = settler.SettleAllAsync();
        await Eventually.IsTrueAsync(() => _control.CallCount > calls, "the first round is under way");
        Task[] others = [.. Enumerable.Range(0, 10).Select(_ => settler.SettleAllAsync())];
        others.Distinct().ShouldHaveSingleItem().ShouldNotBe(first);
        held.SetResult();
        await Task.WhenAll(others);
        first.IsCompletedSuccessfully.ShouldBeTrue();

        // Each round: the cluster, the names, and the one topic.
        _control.CallCount.ShouldBe(calls + 6);
    }

    [Fact]
    public async Task A_broker_that_stops_leaves_nobody_waiting()
    {
        _control.Held = new TaskCompletionSource().Task.WaitAsync(TimeSpan.FromMilliseconds(50), Token);
        var settler = Settler();
        var settled = settler.SettleAllAsync();
        await settler.DisposeAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => settled);
        await Should.ThrowAsync<OperationCanceledException>(() => settler.SettleAllAsync());
    }

    [Fact]
    public async Task A_topic_of_which_newer_things_are_told_is_asked_for_at_once_and_then_once_a_second()
    {
        var (orders, payments) = (await CreateTopicAsync(), await CreateTopicAsync("payments"));
        var time = new FakeTime();
        await using var settler = Settler(time);
        var calls = _control.CallCount;
        settler.CatchUp(orders.Topic);
        await Eventually.IsTrueAsync(() => _view.Find(orders.Topic) is not null, "it is known");
        settler.CatchUp(orders.Topic);
        settler.CatchUp(payments.Topic);
        await Eventually.IsTrueAsync(() => _view.Find(payments.Topic) is not null, "the other one is known");
        _control.CallCount.ShouldBe(calls + 2);

        time.AdvanceMs(1_000);
        settler.CatchUp(orders.Topic);
        await Eventually.IsTrueAsync(() => _control.CallCount == calls + 3, "it is asked for again");
    }

    [Theory]
    [InlineData("orders")]
    [InlineData("payments")]
    public async Task A_damaged_replica_that_cannot_be_given_up_keeps_no_other_back(string unreadable)
    {
        TopicIdPartition[] partitions = [await CreateTopicAsync(), await CreateTopicAsync("payments")];
        foreach (var partition in partitions) _view.Learn(_controllers.Find(partition.Topic)!);
        _view.Learn([One, Two]);
        _control.IsUnreadable = topic => topic.Value == unreadable;
        var lost = new LostLogs(One);
        foreach (var partition in partitions) lost.Add(partition, LeaderEpoch.None);
        var time = new FakeTime();
        await using var driver = new DamageDriver(
            new FakeLogStore(), lost, _view, _control, One, time, NullLogger<DamageDriver>.Instance);
        var other = partitions.Single(partition => partition.Topic.Value != unreadable).Topic;
        time.AdvanceMs(5_000);
        await Eventually.IsTrueAsync(() => !_controllers.Find(other)!.Control.Partitions[0].InSync.Contains(One), "it is given up");
    }

    [Fact]
    public async Task Producer_ids_are_never_given_twice()
    {
        ProducerIdBlocks[] brokers = [new(_control), new(new InMemoryControl(_controllers))];
        var ids = await Task.WhenAll(Enumerable.Range(0, 5_000).Select(i => brokers[i % 2].NextAsync(Token).AsTask()));
        ids.ShouldBeUnique();
    }

    [Fact]
    public async Task Producers_that_start_without_controllers_have_ids_of_what_was_reserved_before()
    {
        var ids = new ProducerIdBlocks(_control);
        ids.Prepare();
        await TakeAsync(ids, 500);
        _control.CallCount.ShouldBe(1);
        await ids.NextAsync(Token);
        _control.CallCount.ShouldBe(2);
        await TakeAsync(ids, 500);
        _control.IsCut = true;
        await TakeAsync(ids, 999);
        (await Should.ThrowAsync<KafkaException>(() => ids.NextAsync(Token).AsTask())).Code.ShouldBe(ErrorCode.CoordinatorNotAvailable);
        _control.IsCut = false;
        (await ids.NextAsync(Token)).Value.ShouldBe(2_000);
    }

    [Fact]
    public async Task A_broker_that_starts_without_controllers_asks_for_ids_with_the_first_producer()
    {
        var ids = new ProducerIdBlocks(_control);
        _control.IsCut = true;
        ids.Prepare();
        (await Should.ThrowAsync<KafkaException>(() => ids.NextAsync(Token).AsTask())).Code.ShouldBe(ErrorCode.CoordinatorNotAvailable);
        _control.IsCut = false;
        (await ids.NextAsync(Token)).Value.ShouldBe(0);
    }

    [Theory]
    [InlineData(-1, 1, nameof(Standing.NotNoted))]
    [InlineData(2, 1, nameof(Standing.NotNoted))]
    [InlineData(2, 2, nameof(Standing.Noted))]
    [InlineData(2, 3, nameof(Standing.Superseded))]
    public void Roles_come_only_from_records_that_note_this_start(long own, long noted, string standing)
    {
        var gate = new RoleGate(One);
        if (own >= 0) gate.Generation = own;
        var control = new TopicControlState([], [new(Two, own, "d"), new(One, noted, "d")], AllowsUncleanElection: false);
        var topic = new TopicRecord(new TopicName("orders"), default, 1, false, NoConfigs, control);
        gate.Check(topic).ToString().ShouldBe(standing);
    }

    private static async Task TakeAsync(ProducerIdBlocks ids, int count)
    {
        for (var i = 0; i < count; i++) await ids.NextAsync(Token);
    }

    private ClusterSettler Settler(TimeProvider? time = null) => new(
        _view, _control, new BrokerGeneration(One, 1, "d"), time ?? TimeProvider.System, NullLogger<ClusterSettler>.Instance);

    private async Task<TopicIdPartition> CreateTopicAsync(string name = "orders")
    {
        foreach (var node in new[] { One, Two })
        {
            _controllers.SetLive(node, new Deaf());
            await _control.RegisterAsync(new BrokerEndpoint(node, "host", 9092, null), new(node, 0, "d"), null, Token);
        }

        ImmutableArray<ImmutableArray<NodeId>> assignments = [[One, Two]];
        var topic = await _control.CreateTopicAsync(new NewTopic(new TopicName(name), -1, -1, assignments, NoConfigs), false, Token);
        return new TopicIdPartition(topic.Id, topic.Name, new PartitionIndex(0));
    }

    private static InSyncProposal Proposal(int partitionEpoch, params NodeId[] inSync) =>
        new(One, LeaderEpoch.Zero, partitionEpoch, [.. inSync]);
}
