using Loire.Protocol;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Three real brokers over real logs and sockets, of which some are lost.</summary>
public sealed class FailoverTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_leader_is_replaced_and_nothing_acknowledged_is_lost()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3, ("min.insync.replicas", "2"));
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        var leader = cluster.LeaderOf(topic);
        var writing = ledger.WriteAsync(200);
        await leader.KillAsync();
        await cluster.NoticeAsync(leader);
        await writing;

        cluster.LeaderOf(topic).ShouldNotBe(leader);
        cluster.State(topic).InSync.ShouldNotContain(leader.Node);
        await ledger.ProveAsync();

        // It comes back as a follower, catches up and joins.
        await leader.StartAsync(Token);
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 3, "the old leader is in sync again");
        await ledger.WriteAsync(20);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task Two_are_lost_in_turn()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        for (var round = 0; round < 2; round++)
        {
            var leader = cluster.LeaderOf(topic);
            var writing = ledger.WriteAsync(100);
            await leader.KillAsync();
            await cluster.NoticeAsync(leader);
            await writing;
        }

        cluster.State(topic).InSync.ShouldHaveSingleItem().ShouldBe(cluster.Up.Single().Node);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task A_silent_follower_leaves_the_in_sync_replicas_and_joins_again()
    {
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "500"));
        var topic = await cluster.CreateTopicAsync("orders", 1, 3, ("min.insync.replicas", "2"));
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(20);

        // The membership does not notice: only the leader sees that it fetches no more.
        var follower = cluster.Up.First(broker => broker != cluster.LeaderOf(topic));
        await follower.KillAsync();
        await ledger.WriteAsync(20);
        cluster.State(topic).InSync.ShouldNotContain(follower.Node);
        await Eventually.IsTrueAsync(() => cluster.LeaderOf(topic).Broker!.Health.Replicas.UnderReplicated == 1);

        await follower.StartAsync(Token);
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 3, "the follower is in sync again");
        await Eventually.IsTrueAsync(
            () => cluster.LeaderOf(topic).Broker!.Health.Replicas.UnderReplicated == 0, "nothing is under-replicated");
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task Too_few_in_sync_replicas_take_no_writes()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3, ("min.insync.replicas", "2"));
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(10);

        var followers = cluster.Up.Where(broker => broker != cluster.LeaderOf(topic)).ToList();
        foreach (var follower in followers)
        {
            await follower.KillAsync();
            await cluster.NoticeAsync(follower);
        }

        cluster.LeaderOf(topic).Broker!.Health.Replicas.UnderMinInSync.ShouldBe(1);
        (await Produce.OnceAsync(cluster, topic)).ShouldBe(ErrorCode.NotEnoughReplicas);

        var writing = ledger.WriteAsync(10);
        await followers[0].StartAsync(Token);
        await writing;
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task A_stop_hands_the_leaderships_over_first()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 6, 3);
        var stopping = cluster.LeaderOf(topic);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(20);

        var writing = ledger.WriteAsync(200);
        await stopping.StopAsync(Token);

        // The membership has not changed yet.
        for (var partition = 0; partition < 6; partition++) cluster.LeaderOf(topic, partition).ShouldNotBe(stopping);
        stopping.LogLines.Lines.ShouldNotContain(line => line.Contains("not handed over", StringComparison.Ordinal));
        await cluster.NoticeAsync(stopping);
        await writing;
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task Without_controllers_writing_goes_on_and_nobody_leaves_the_in_sync_replicas()
    {
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "500"));
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await UntilInSyncAsync(cluster, topic);
        foreach (var broker in cluster.Up) broker.Control.IsCut = true;
        await ledger.WriteAsync(50);

        // Cut off from them a leader cannot acknowledge what a follower lacks.
        var leader = cluster.LeaderOf(topic);
        var inSync = cluster.State(topic).InSync;
        var follower = cluster[inSync.First(node => node != leader.Node)];
        await follower.KillAsync();
        var writing = ledger.WriteAsync(5);
        await Eventually.IsTrueAsync(
            () => leader.LogLines.Lines.Any(line => line.Contains("could not be changed", StringComparison.Ordinal)),
            "the leader asked in vain");
        writing.IsCompleted.ShouldBeFalse();
        cluster.State(topic).InSync.ShouldBe(inSync);

        leader.Control.IsCut = false;
        await writing;
        cluster.State(topic).InSync.ShouldNotContain(follower.Node);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task A_leader_whose_store_fails_asks_for_successors_and_is_not_ready()
    {
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "500"));
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(10);
        var broker = cluster[1];
        var store = new FakeLogStore();
        await broker.KillAsync();
        broker.LoseDirectory();
        broker.OpenStore = () => store;
        await broker.StartAsync(Token);
        await cluster.MoveLeadAsync(topic, broker);
        await ledger.WriteAsync(10);
        await UntilInSyncAsync(cluster, topic);

        store.Fail();
        await Eventually.IsTrueAsync(() => cluster.LeaderOf(topic) != broker, "another leads");
        broker.Broker!.Health.IsReady.ShouldBeFalse();
        await ledger.WriteAsync(10);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task A_run_that_another_has_replaced_serves_no_more()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var topic = await cluster.CreateTopicAsync("orders", 1, 1);
        var broker = cluster[1].Broker!;
        broker.Partitions.Find(topic, new PartitionIndex(0)).Error.ShouldBe(ErrorCode.None);

        // Somebody starts with the same id, and the topic's controller has noted it.
        var known = cluster.Controllers.Cluster.Find(new NodeId(1))!;
        var replaced = await cluster[1].Control.RegisterAsync(known.Endpoint, known.Started, null, Token);
        await cluster[1].Control.SettleAsync(topic, replaced.Find(new NodeId(1))!.Started, Token);

        await Eventually.IsTrueAsync(() => !broker.Health.IsReady, "the first sees it");
        await cluster[1].ToldAsync();
        broker.Health.Reason.ShouldNotBeNull().ShouldContain("taken over");
        broker.Partitions.Find(topic, new PartitionIndex(0)).Error.ShouldBe(ErrorCode.NotLeaderOrFollower);
    }

    [Fact]
    public async Task A_broker_waits_for_the_controllers_and_opens_its_port_only_then()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var topic = await cluster.CreateTopicAsync("orders", 1, 2);
        var broker = cluster[1];
        await broker.KillAsync();
        broker.Control.IsCut = true;
        var starting = broker.StartAsync(Token);
        await Eventually.IsTrueAsync(
            () => broker.LogLines.Lines.Any(line => line.Contains("Cannot join the cluster yet", StringComparison.Ordinal)),
            "it says that it waits");
        broker.Broker!.Health.Reason.ShouldNotBeNull().ShouldContain("not registered");
        starting.IsCompleted.ShouldBeFalse();

        broker.Control.IsCut = false;
        await starting;
        broker.Broker.Health.Reason.ShouldBeNull();
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 2, "it is in sync again");
    }

    [Fact]
    public async Task A_broker_that_lost_its_directory_fetches_everything_again()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        // The membership never notices that it was gone, and the controllers learn of the loss at its return.
        var leader = cluster.LeaderOf(topic);
        await leader.KillAsync();
        leader.LoseDirectory();
        await leader.StartAsync(Token);
        cluster.State(topic).Leader.ShouldNotBe(leader.Node);
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 3, "the broker has fetched everything");

        foreach (var other in cluster.Up.Where(broker => broker != leader).ToList())
        {
            await other.KillAsync();
            await cluster.NoticeAsync(other);
        }

        cluster.LeaderOf(topic).ShouldBe(leader);
        await ledger.ProveAsync();
    }

    /// <summary>With half a second to catch up, a replica may fall behind on a busy machine.</summary>
    private static Task UntilInSyncAsync(TestCluster cluster, TopicName topic) =>
        Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 3, "all are in sync");
}
