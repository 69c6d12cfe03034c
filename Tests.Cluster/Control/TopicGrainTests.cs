using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Control;

/// <summary>Topics from creation to deletion, over three silos.</summary>
public sealed class TopicGrainTests : IAsyncLifetime
{
    private GrainsCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainsCluster.StartAsync();
        await _cluster.RegisterAllAsync();
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_topic_is_known_to_every_broker_when_its_creation_is_answered()
    {
        var created = await Topic("orders").CreateAsync(Specify(3, 3));
        foreach (var node in new[] { 1, 2, 3 })
        {
            var known = _cluster.View(node).Find(new TopicName("orders")).ShouldNotBeNull();
            known.Id.Value.ShouldBe(created.Id);
            known.Control.Generations.Length.ShouldBe(3);
        }

        created.Partitions.Length.ShouldBe(3);
        created.Partitions.ShouldAllBe(partition => partition.InSyncReplicas.Length == 3 && partition.Leader == partition.Replicas[0]);
        created.Partitions.Select(partition => partition.Leader).Distinct().Count().ShouldBe(3);
        (await Topic("orders").DescribeAsync()).ShouldNotBeNull().Id.ShouldBe(created.Id);
        (await Cluster.ListTopicsAsync()).ShouldBe(["orders"]);
    }

    [Fact]
    public async Task A_deleted_topic_is_gone_and_its_successor_counts_on()
    {
        var first = await Topic("orders").CreateAsync(Specify(1, 3));
        await Topic("orders").DeleteAsync();
        (await Topic("orders").DescribeAsync()).ShouldBeNull();
        (await Cluster.ListTopicsAsync()).ShouldBeEmpty();
        _cluster.View(2).Find(new TopicName("orders")).ShouldNotBeNull().IsDeleted.ShouldBeTrue();
        (await _cluster.Control(1).ListTopicsAsync(CancellationToken.None)).ShouldBeEmpty();

        var second = await Topic("orders").CreateAsync(Specify(1, 3));
        second.Id.ShouldNotBe(first.Id);
        second.Version.ShouldBeGreaterThan(first.Version + 1);
        await ShouldBeRefusedAsync(
            ErrorCode.UnknownTopicId,
            () => _cluster.Control(3).DeleteTopicAsync(new TopicName("orders"), new TopicId(first.Id), CancellationToken.None));
        (await _cluster.Control(1).ListTopicsAsync(CancellationToken.None)).ShouldBe([new TopicName("orders")]);
    }

    [Fact]
    public async Task A_deletion_stays_in_the_registry_while_a_broker_is_away()
    {
        await Topic("orders").CreateAsync(Specify(1, 3));
        await _cluster.Test.StopSiloAsync(_cluster.Silo(3), TestContext.Current.CancellationToken);
        await Topic("orders").DeleteAsync();
        (await Cluster.ListTopicsAsync()).ShouldBeEmpty();
        (await _cluster.Control(1).ListTopicsAsync(CancellationToken.None)).ShouldBe([new TopicName("orders")]);
        var settled = await _cluster.Control(1).SettleAsync(new TopicName("orders"), null, CancellationToken.None);
        settled.ShouldNotBeNull().IsDeleted.ShouldBeTrue();

        // Who never comes back does not have the others told again and again.
        await Eventually.IsTrueAsync(() => _cluster.View(1).Find(new TopicName("orders")) is { IsDeleted: true });
        await Eventually.IsTrueAsync(() => _cluster.View(2).Find(new TopicName("orders")) is { IsDeleted: true });
        await Eventually.IsTrueAsync(() => new[] { 1, 2 }.All(node => !_cluster.View(node).Statuses.IsLive(new NodeId(3))));
        var told = 0;
        foreach (var node in new[] { 1, 2 }) _cluster.View(node).BeforeTopic = _ => Interlocked.Increment(ref told);
        await _cluster.Control(1).SettleAsync(new TopicName("orders"), null, CancellationToken.None);
        told.ShouldBe(0);
    }

    [Fact]
    public async Task What_cannot_be_created_is_refused_with_the_reason()
    {
        await Topic("orders.new").CreateAsync(Specify(1, 1));
        await ShouldBeRefusedAsync(ErrorCode.TopicAlreadyExists, () => CreateAsync("orders.new", 1, 1));
        (await ShouldBeRefusedAsync(ErrorCode.InvalidTopicException, () => CreateAsync("orders_new", 1, 1)))
            .ShouldContain("orders.new");
        await ShouldBeRefusedAsync(ErrorCode.InvalidTopicException, () => CreateAsync("a/b", 1, 1));
        await ShouldBeRefusedAsync(ErrorCode.InvalidTopicException, () => CreateAsync("", 1, 1));
        await ShouldBeRefusedAsync(ErrorCode.InvalidReplicationFactor, () => CreateAsync("orders", 1, 4));
        await ShouldBeRefusedAsync(ErrorCode.InvalidPartitions, () => CreateAsync("orders", 0, 1));
        await ShouldBeRefusedAsync(ErrorCode.InvalidConfig, () => CreateAsync("orders", 1, 1, ("retention.ms", "soon")));
        (await _cluster.Control(1).ListTopicsAsync(CancellationToken.None)).ShouldBe([new TopicName("orders.new")]);

        await Topic("orders.new").DeleteAsync();
        (await CreateAsync("orders_new", 1, 1)).Name.Value.ShouldBe("orders_new");
    }

    [Fact]
    public async Task A_creation_that_is_only_to_be_validated_leaves_nothing()
    {
        var topic = new NewTopic(new TopicName("orders"), 2, 3, null, Configs());
        var plan = await _cluster.Control(1).CreateTopicAsync(topic, validateOnly: true, CancellationToken.None);
        plan.Control.Partitions.Length.ShouldBe(2);
        (await Topic("orders").DescribeAsync()).ShouldBeNull();
        (await _cluster.Control(1).ListTopicsAsync(CancellationToken.None)).ShouldBeEmpty();
        (await _cluster.Control(1).SettleAsync(new TopicName("orders"), null, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task Configs_are_set_and_removed_one_by_one_and_decide_on_unclean_elections()
    {
        await Topic("orders").CreateAsync(Specify(1, 3));
        var altered = await Topic("orders").AlterConfigsAsync(Changes(
            ("retention.ms", "1000"), ("unclean.leader.election.enable", "true")));
        altered.Configs.Count.ShouldBe(2);
        _cluster.View(1).Find(new TopicName("orders"))!.Control.AllowsUncleanElection.ShouldBeTrue();

        altered = await Topic("orders").AlterConfigsAsync(Changes(("unclean.leader.election.enable", null)));
        altered.Configs.ShouldHaveSingleItem().Key.ShouldBe("retention.ms");
        _cluster.View(3).Find(new TopicName("orders"))!.Control.AllowsUncleanElection.ShouldBeFalse();

        await ShouldBeRefusedAsync(
            ErrorCode.InvalidUpdateVersion,
            () => _cluster.Control(1).SetTopicConfigsAsync(
                new TopicName("orders"), Configs(), altered.Version - 1, CancellationToken.None));
    }

    [Fact]
    public async Task Partitions_are_added_and_keys_belong_where_the_Java_client_puts_them()
    {
        await Topic("orders").CreateAsync(Specify(1, 2));
        (await Topic("orders").AddPartitionsAsync(12)).Partitions.Length.ShouldBe(12);
        (await Topic("orders").GetPartitionAsync("21"u8.ToArray())).ShouldBe((-973932308 & int.MaxValue) % 12);
        var refusal = await Should.ThrowAsync<LoireException>(() => Topic("orders").AddPartitionsAsync(3));
        refusal.Error.ShouldBe((short)ErrorCode.InvalidPartitions);
    }

    [Fact]
    public async Task When_a_broker_is_gone_another_in_sync_replica_is_elected()
    {
        var created = await Topic("orders").CreateAsync(Specify(3, 3));
        var lost = created.Partitions[0].Leader;
        var witness = lost == 1 ? 2 : 1;
        await _cluster.Test.KillSiloAsync(_cluster.Silo(lost), TestContext.Current.CancellationToken);
        await Eventually.IsTrueAsync(() => new[] { 1, 2, 3 }.Where(node => node != lost)
            .All(node => !_cluster.View(node).Statuses.IsLive(new NodeId(lost))));

        var settled = await _cluster.Control(witness).SettleAsync(new TopicName("orders"), null, CancellationToken.None);
        settled.ShouldNotBeNull().Control.Partitions.ShouldAllBe(partition =>
            partition.Leader != new NodeId(lost) && partition.Leader != NodeId.None && !partition.InSync.Contains(new NodeId(lost)));
        settled.Control.Partitions[0].LeaderEpoch.ShouldBe(new LeaderEpoch(1));
    }

    [Fact]
    public async Task A_broker_that_runs_anew_is_noted_and_gets_a_new_epoch()
    {
        var created = await Topic("orders").CreateAsync(Specify(1, 3));
        var leader = created.Partitions[0].Leader;
        var run = (await _cluster.RegisterAsync(leader)).Find(new NodeId(leader))!.Started;
        run.Generation.ShouldBe(4, "three brokers have registered before");
        var noted = (await _cluster.Control(leader).SettleAsync(new TopicName("orders"), run, CancellationToken.None))!;
        noted.Control.Generations.ShouldContain(run);
        noted.Control.Partitions[0].LeaderEpoch.ShouldBe(new LeaderEpoch(1));
        (await _cluster.Control(leader).SettleAsync(new TopicName("orders"), run, CancellationToken.None))!
            .Version.ShouldBe(noted.Version);
    }

    [Fact]
    public async Task Moves_and_elections_are_carried_out_or_refused()
    {
        var created = await Topic("orders").CreateAsync(Specify(1, 1));
        var name = new TopicName("orders");
        var partition = new PartitionIndex(0);
        var from = created.Partitions[0].Leader;
        var to = new NodeId(from == 1 ? 2 : 1);
        var moving = await _cluster.Control(1).ReassignAsync(name, partition, [to], CancellationToken.None);
        moving.Control.Partitions[0].Adding.ShouldBe([to]);
        var state = moving.Control.Partitions[0];
        var proposal = new InSyncProposal(new NodeId(from), state.LeaderEpoch, state.PartitionEpoch, [new NodeId(from), to]);
        var moved = await _cluster.Control(2).AlterInSyncAsync(
            new TopicIdPartition(moving.Id, name, partition), proposal, CancellationToken.None);
        moved.Control.Partitions[0].Replicas.ShouldBe([to]);
        moved.Control.Partitions[0].Leader.ShouldBe(to);
        await ShouldBeRefusedAsync(
            ErrorCode.ElectionNotNeeded,
            () => _cluster.Control(1).ElectAsync(name, partition, isUnclean: false, CancellationToken.None));
        await ShouldBeRefusedAsync(
            ErrorCode.NoReassignmentInProgress,
            () => _cluster.Control(1).ReassignAsync(name, partition, null, CancellationToken.None));
    }

    private IClusterGrain Cluster => _cluster.Grains.GetGrain<IClusterGrain>(IClusterGrain.Key);

    private ITopicGrain Topic(string name) => _cluster.Grains.GetGrain<ITopicGrain>(name);

    private Task<Loire.Cluster.TopicRecord> CreateAsync(
        string name, int partitions, short replicas, params (string Name, string Value)[] configs) =>
        _cluster.Control(1).CreateTopicAsync(
            new NewTopic(new TopicName(name), partitions, replicas, null, Configs(configs)), false, CancellationToken.None);

    private static ImmutableSortedDictionary<string, string> Configs(params (string Name, string Value)[] configs) =>
        configs.ToImmutableSortedDictionary(config => config.Name, config => config.Value, StringComparer.Ordinal);

    private static ImmutableDictionary<string, string?> Changes(params (string Name, string? Value)[] configs) =>
        configs.ToImmutableDictionary(config => config.Name, config => config.Value);

    private static TopicSpecification Specify(int partitions, short replicas) =>
        new(partitions, replicas, ImmutableDictionary<string, string>.Empty);

    private static async Task<string> ShouldBeRefusedAsync(ErrorCode error, Func<Task> call)
    {
        var refusal = await Should.ThrowAsync<KafkaException>(call);
        refusal.Code.ShouldBe(error, refusal.Message);
        return refusal.Message;
    }
}
