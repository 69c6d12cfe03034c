using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Grains.Interfaces;
using Loire.Grains.Storage;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>A second activation of a topic's controller, of which neither the first nor the leader hears, elects another
/// leader. What the deposed one takes must not be acknowledged, and what it asks for not be granted.</summary>
public sealed class DeposedLeaderTests : IAsyncLifetime
{
    private static readonly TopicName Orders = new("orders");
    private static readonly PartitionIndex First = new(0);

    private BrokersCluster _cluster = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _cluster = await BrokersCluster.StartAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Its_appends_are_not_acknowledged_and_its_in_sync_set_is_not_granted()
    {
        var created = (await _cluster.CreateAsync("orders", 1, 3)).Partitions[0];
        var old = created.Leader;
        ImmutableArray<NodeId> others = [.. created.Replicas.Where(node => node != old).Select(node => new NodeId(node))];
        var partition = _cluster.Partition("orders", 0);
        (await partition.AppendAsync(new AppendRequest(TestBatch.Of("first"), -1))).Error.ShouldBe((short)ErrorCode.None);
        var before = View(old).Find(Orders)!;

        var elected = await ElectBehindTheBackAsync(old, others);
        others.ShouldContain(elected.Control.Partitions[0].Leader);
        View(old).Find(Orders)!.Version.ShouldBe(before.Version);

        var pending = partition.AppendAsync(new AppendRequest(TestBatch.Of("stale"), -1));
        await Eventually.IsTrueAsync(() => Lookup(old).Replica?.LogEndOffset == new Offset(2), Cancelled);
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
        await Eventually.IsTrueAsync(() => Lookup(leader).Replica is { KnowsHighWatermark: true }, Cancelled);
        await Eventually.IsTrueAsync(() => Lookup(old).Follower?.LogEndOffset == new Offset(1), Cancelled);
        Lookup(leader).Replica!.LogEndOffset.ShouldBe(new Offset(1));
    }

    private async Task<TopicRecord> ElectBehindTheBackAsync(int old, ImmutableArray<NodeId> others)
    {
        var storage = new StorageBridge<TopicDocument>(_cluster.Storage, "topic", GrainId.Create("loire.topic", Orders.Value));
        await storage.ReadStateAsync();
        var view = new FakeView();
        view.Learn(View(old).Cluster);
        view.Learn(others);
        var controller = new TopicController(Orders, storage, view, new FakeCatalog(), _ => { });
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

    private PartitionLookup Lookup(int node) => Service<IPartitionDirectory>(node).Find(Orders, First);

    private T Service<T>(int node)
        where T : notnull => _cluster.Silo(node).ServiceProvider.GetRequiredService<T>();
}
