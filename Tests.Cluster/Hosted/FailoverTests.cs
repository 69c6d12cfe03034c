using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Brokers die in the middle of producing with acks=all.</summary>
[Collection(nameof(HostedClusters))]
public sealed class FailoverTests
{
    private const string Topic = "survives";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_killed_leader_loses_nothing_acknowledged(bool isIdempotent)
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled, isIdempotent);
        var killed = cluster.LeaderOf(Topic);
        var epoch = cluster.Partition(Topic).LeaderEpoch;
        await cluster.KillAsync(killed);
        await load.UntilProgressAsync(Cancelled);

        var partition = cluster.Partition(Topic);
        partition.Leader.Value.ShouldNotBe(killed.NodeId);
        partition.LeaderEpoch.Value.ShouldBeGreaterThan(epoch.Value);
        await cluster.StartAsync(killed);
        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task Of_five_brokers_each_is_killed_in_turn_and_nothing_acknowledged_is_lost()
    {
        await using var cluster = await LoireTestCluster.StartAsync(brokers: 5);
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 5);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        foreach (var broker in cluster.Brokers)
        {
            await cluster.UntilInSyncAsync(Topic, Cancelled);
            await cluster.KillAsync(broker);
            await load.UntilProgressAsync(Cancelled);
            await cluster.StartAsync(broker);
        }

        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task A_killed_follower_leaves_the_in_sync_set_and_rejoins_once_it_has_caught_up()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 1);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var (leader, epoch) = (cluster.Partition(Topic).Leader, cluster.Partition(Topic).LeaderEpoch);
        var follower = cluster.Brokers.First(broker => broker.NodeId != leader.Value);
        await cluster.KillAsync(follower);
        await cluster.UntilAsync(() => cluster.Partition(Topic).InSync.Length == 2, "the follower is out of the in-sync set", Cancelled);
        await load.UntilProgressAsync(Cancelled);

        await cluster.StartAsync(follower);
        await cluster.UntilInSyncAsync(Topic, Cancelled);
        (cluster.Partition(Topic).Leader, cluster.Partition(Topic).LeaderEpoch).ShouldBe((leader, epoch), "the leader led throughout");
        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task With_fewer_in_sync_than_required_acks_all_is_refused_until_one_is_back()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 1);
        var leader = cluster.LeaderOf(Topic);
        await cluster.UntilInSyncAsync(Topic, Cancelled);
        (await ProduceAsync(cluster, "first")).ShouldBe(ErrorCode.None);
        foreach (var follower in cluster.Brokers.Where(broker => broker != leader))
        {
            await cluster.KillAsync(follower);
            await cluster.UntilAsync(
                () => !cluster.Partition(Topic).InSync.Contains(new NodeId(follower.NodeId)),
                $"broker {follower.NodeId} is out of the in-sync set",
                Cancelled);
        }

        cluster.LeaderOf(Topic).ShouldBe(leader);
        (await ProduceAsync(cluster, "refused")).ShouldBe(ErrorCode.NotEnoughReplicas);
        (await ProduceAsync(cluster, "leader", acks: 1)).ShouldBe(ErrorCode.None);

        await cluster.StartAsync(cluster.Brokers.First(broker => !broker.IsUp));
        await cluster.UntilAsync(() => cluster.Partition(Topic).InSync.Length == 2, "two in sync again", Cancelled);
        (await ProduceAsync(cluster, "last")).ShouldBe(ErrorCode.None);
        (await StoredLog.ReadAsync(leader, Topic, 0, Cancelled)).Select(record => record.Value).ShouldBe(["first", "leader", "last"]);
    }

    private static async Task<ErrorCode> ProduceAsync(LoireTestCluster cluster, string value, short acks = -1)
    {
        await using var client = cluster.CreateKafkaClient();
        return await client.ProduceOnceAsync(Topic, value, acks, Cancelled);
    }
}
