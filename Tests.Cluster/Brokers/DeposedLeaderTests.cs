using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Grains.Interfaces;
using Loire.Grains.Storage;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Tests.Cluster.Fakes;
using Loire.Tests.Cluster.Hosted;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>A second activation of a topic's controller, of which neither the first nor the leader hears, elects another
/// leader. What the deposed one takes must not be acknowledged, and what it asks for not be granted.</summary>
[Collection(nameof(HostedClusters))]
public sealed class DeposedLeaderTests : IAsyncLifetime
{
    private static readonly TopicName Orders = new("orders");
    private static readonly TopicName Offsets = new("__consumer_offsets");
    private static readonly PartitionIndex First = new(0);

    private LoireTestCluster _cluster = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The leader is not to find out by itself within the test that its followers have left it.</summary>
    public async ValueTask InitializeAsync() =>
        _cluster = await LoireTestCluster.StartAsync(settings: ("replica.lag.time.max.ms", "600000"));

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Its_appends_are_not_acknowledged_and_its_in_sync_set_is_not_granted()
    {
        await _cluster.CreateTopicAsync(Orders.Value, Cancelled, partitions: 1);
        var created = _cluster.Partition(Orders.Value);
        var old = created.Leader.Value;
        ImmutableArray<NodeId> others = [.. created.Replicas.Where(node => node != created.Leader)];
        var partition = _cluster.Orleans.Partition(Orders.Value, 0);
        (await partition.AppendAsync(new AppendRequest(TestBatch.Of("first"), -1))).Error.ShouldBe((short)ErrorCode.None);
        var before = View(old).Find(Orders)!;

        var elected = await ElectBehindTheBackAsync(old, others, Orders);
        others.ShouldContain(elected.Control.Partitions[0].Leader);
        View(old).Find(Orders)!.Version.ShouldBe(before.Version);

        var pending = partition.AppendAsync(new AppendRequest(TestBatch.Of("stale"), -1));
        await Eventually.IsTrueAsync(() => Lookup(old).Replica?.LogEndOffset == new Offset(2));
        pending.IsCompleted.ShouldBeFalse();

        // The first activation still believes in the old state: its write is what fails.
        var known = before.Control.Partitions[0];
        var alone = new InSyncProposal(new NodeId(old), known.LeaderEpoch, known.PartitionEpoch, [new NodeId(old)]);
        var answer = await Control(old).AlterInSyncAsync(new TopicIdPartition(before.Id, Orders, First), alone, Cancelled);
        answer.Version.ShouldBe(elected.Version);
        answer.Control.Partitions[0].InSync.ShouldNotContain(new NodeId(old));

        Learner(old).Learn(answer);
        (await pending).Error.ShouldBe((short)ErrorCode.NotLeaderOrFollower);
        var leader = answer.Control.Partitions[0].Leader.Value;
        await Eventually.IsTrueAsync(() => Lookup(leader).Replica is { KnowsHighWatermark: true });
        await Eventually.IsTrueAsync(() => Lookup(old).Follower?.LogEndOffset == new Offset(1));
        Lookup(leader).Replica!.LogEndOffset.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task Its_groups_commits_are_not_acknowledged()
    {
        await _cluster.CreateTopicAsync(Orders.Value, Cancelled, partitions: 1);
        var group = _cluster.Orleans.GetGrain<IConsumerGroupGrain>("readers");
        await GrainCalls.AnswerAsync(() => CommitAsync(group, 1), error => error == ErrorCode.None, "the coordinator takes offsets");

        var offsets = View(1).Find(Offsets)!;
        var partition = GroupPartitioner.PartitionOf(new GroupId("readers"), offsets.Control.Partitions.Length);
        var created = offsets.Control.Find(partition)!;
        var old = created.Leader.Value;
        var elected = await ElectBehindTheBackAsync(old, [.. created.Replicas.Where(node => node != created.Leader)], Offsets);
        elected.Control.Find(partition)!.Leader.ShouldNotBe(created.Leader);
        var end = Lookup(old, Offsets, partition).Replica!.LogEndOffset;

        var pending = CommitAsync(group, 2);
        await Eventually.IsTrueAsync(() => Lookup(old, Offsets, partition).Replica?.LogEndOffset > end);
        pending.IsCompleted.ShouldBeFalse();
        Learner(old).Learn(elected);
        (await pending).ShouldNotBe(ErrorCode.None);
        var kept = await GrainCalls.AnswerAsync(
            () => group.GetOffsetsAsync([new(Orders.Value, 0)]), answer => answer[0].Offset >= 0, "the new coordinator answers");
        kept[0].Offset.ShouldBe(1);
    }

    private static async Task<ErrorCode> CommitAsync(IConsumerGroupGrain group, long offset) =>
        (ErrorCode)(await group.CommitAsync(GroupMembership.None, [new GroupOffset(Orders.Value, 0, offset, -1, "")]))[0];

    private async Task<TopicRecord> ElectBehindTheBackAsync(int old, ImmutableArray<NodeId> others, TopicName topic)
    {
        var storage = new StorageBridge<TopicDocument>(_cluster[old].Store, "topic", _cluster.ControllerId(topic.Value));
        await storage.ReadStateAsync();
        var view = new FakeView();
        view.Learn(View(old).Cluster);
        view.Learn(others);
        var controller = new TopicController(topic, storage, view, new FakeCatalog(), _ => { });
        var elected = (await controller.SettleAsync(null))!;
        foreach (var node in others)
        {
            Learner(node.Value).Learn(elected);
            await Learner(node.Value).ToldAsync();
        }

        return elected;
    }

    private IClusterView View(int node) => Service<IClusterView>(node);

    private IClusterLearner Learner(int node) => Service<IClusterLearner>(node);

    private IClusterControl Control(int node) => Service<IClusterControl>(node);

    private PartitionLookup Lookup(int node) => Lookup(node, Orders, First);

    private PartitionLookup Lookup(int node, TopicName topic, PartitionIndex partition) =>
        Service<IPartitionDirectory>(node).Find(topic, partition);

    private T Service<T>(int node)
        where T : notnull => _cluster[node].Services.GetRequiredService<T>();
}
