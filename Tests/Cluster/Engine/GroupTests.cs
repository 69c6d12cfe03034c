using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Groups;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Groups follow the leaders of their partitions of __consumer_offsets.</summary>
public sealed class GroupTests
{
    private static readonly GroupId Group = new("billing");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Committed_offsets_survive_the_coordinators_broker()
    {
        await using var cluster = await TestCluster.StartAsync(3, ("offsets.topic.num.partitions", "4"));
        var orders = new TopicPartition(await cluster.CreateTopicAsync("orders", 1, 3), new PartitionIndex(0));
        await using var client = cluster.Client();
        var partition = GroupPartitioner.PartitionOf(Group, 4).Value;
        for (var round = 1; round <= 2; round++)
        {
            await CommitAsync(client, orders, round * 10);
            cluster.State(TopicNames.ConsumerOffsets, partition).InSync.Length.ShouldBe(4 - round);

            var coordinator = cluster.LeaderOf(TopicNames.ConsumerOffsets, partition);
            await coordinator.KillAsync();
            await cluster.NoticeAsync(coordinator);

            var committed = await client.FetchCommittedAsync(Group, Token);
            committed[orders].ShouldBe(new Offset(round * 10));
        }
    }

    [Fact]
    public async Task A_coordinator_ends_with_its_leadership_though_the_replica_stays()
    {
        await using var cluster = await TestCluster.StartAsync(3, ("offsets.topic.num.partitions", "1"));
        var orders = new TopicPartition(await cluster.CreateTopicAsync("orders", 1, 3), new PartitionIndex(0));
        await using var client = cluster.Client();
        await CommitAsync(client, orders, 1);

        var old = cluster.LeaderOf(TopicNames.ConsumerOffsets);
        old.Broker!.Groups.Local.Count.ShouldBe(1);
        var successor = cluster.Up.First(broker => broker != old);
        await cluster.MoveLeadAsync(TopicNames.ConsumerOffsets, successor);
        await Eventually.IsTrueAsync(() => old.Broker.Groups.Local.Count == 0, "the old coordinator is gone");
        old.Broker.Groups.Find(Group).Error.ShouldBe(ErrorCode.NotCoordinator);

        await CommitAsync(client, orders, 2);
        (await client.FetchCommittedAsync(Group, Token))[orders].ShouldBe(new Offset(2));
        var located = await old.Broker.Groups.LocateAsync(Group, Token);
        located.Broker!.Node.ShouldBe(successor.Node);

        // Back again: another coordinator, of the new epoch.
        await cluster.MoveLeadAsync(TopicNames.ConsumerOffsets, old);
        (await client.FetchCommittedAsync(Group, Token))[orders].ShouldBe(new Offset(2));
    }

    private static Task CommitAsync(KafkaClient client, TopicPartition partition, long offset) =>
        client.CommitAsync(Group, new Dictionary<TopicPartition, Offset> { [partition] = new(offset) }, Token);
}
