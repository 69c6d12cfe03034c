using System.Text;
using Loire.Client;
using Loire.Grains.Interfaces;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Members that keep their place over a restart (KIP-345).</summary>
[Collection(nameof(HostedClusters))]
public sealed class StaticMemberTests
{
    private const string Topic = "work";
    private const string Group = "workers";
    private const int PartitionCount = 4;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(AssignmentStrategy.Range)]
    [InlineData(AssignmentStrategy.CooperativeSticky)]
    public async Task A_member_that_comes_back_has_its_partitions_and_nobody_notices(AssignmentStrategy strategy)
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await using var leader = Member(cluster, strategy, "a");
        await Eventually.IsTrueAsync(() => leader.Told.Owned.Count == PartitionCount);
        await using var stays = Member(cluster, strategy, "b");
        await Eventually.IsTrueAsync(() => leader.Told.Owned.Count == 2 && stays.Told.Owned.Count == 2);
        var owned = leader.Told.Owned;
        await ProduceAsync(cluster, 0);
        await Eventually.IsTrueAsync(() => leader.Values.Count + stays.Values.Count == PartitionCount);

        await leader.StopAsync();
        await ProduceAsync(cluster, 1);
        await using var back = Member(cluster, strategy, "a");
        await Eventually.IsTrueAsync(() => back.Values.Count == 2 && stays.Values.Count == 4);
        back.Told.Owned.ShouldBe(owned);
        back.Values.ShouldAllBe(value => value == "1", "it goes on behind what was committed");
        stays.Told.Revoked.ShouldBeEmpty("there was no rebalance");
        stays.Told.Assigned.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Of_two_with_the_same_instance_id_the_older_one_ends_with_a_clear_error()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await using var older = Member(cluster, AssignmentStrategy.Range, "a");
        await Eventually.IsTrueAsync(() => older.Told.Owned.Count == PartitionCount);
        await using var newer = Member(cluster, AssignmentStrategy.Range, "a");
        await Eventually.IsTrueAsync(() => newer.Told.Owned.Count == PartitionCount);
        var fenced = await Should.ThrowAsync<LoireException>(() => older.Reading.WaitAsync(Eventually.Patience, Cancelled));
        fenced.Error.ShouldBe((short)ErrorCode.FencedInstanceId);
        fenced.Message.ShouldContain("another consumer runs under the same group instance id");
        older.Told.Owned.ShouldBeEmpty("it was told that it lost them");
        await ProduceAsync(cluster, 0);
        await Eventually.IsTrueAsync(() => newer.Values.Count == PartitionCount);
    }

    private static OrleansMember Member(LoireTestCluster cluster, AssignmentStrategy strategy, string instance) => new(
        cluster.Client,
        Group,
        Topic,
        new GroupConsumerOptions
        {
            Strategies = [strategy],
            GroupInstanceId = instance,
            HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        });

    private static async Task ProduceAsync(LoireTestCluster cluster, int round)
    {
        await using var producer = cluster.Client.CreateProducer();
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            await producer.ProduceAsync(
                Topic, key: null, Encoding.UTF8.GetBytes($"{round}"), partition: partition, cancellationToken: Cancelled);
        }
    }
}
