using Loire.Broker.Ports;
using Loire.Grains.Control;
using Loire.Grains.Storage;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Controllers that are active twice, or cannot reach their storage, while producers go on.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ControllerTests
{
    private const string Topic = "contested";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The second activation gives up the leader's replica each time, so that another leads and the old leader has
    /// to come back as a follower; nobody but the storage knows of it.</summary>
    [Fact]
    public async Task A_second_activation_of_the_controller_harms_no_acknowledged_record()
    {
        await using var cluster = await LoireTestCluster.StartAsync(settings: ("min.insync.replicas", "1"));
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 1);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        for (var round = 0; round < 3; round++)
        {
            await cluster.UntilInSyncAsync(Topic, Cancelled);
            var topic = cluster.Find(Topic)!;
            var leader = cluster.LeaderOf(Topic);
            var follower = cluster.Brokers.First(broker => broker != leader);
            var changed = await (await SecondActivationAsync(cluster, follower)).ReplicaLostAsync(
                topic.Id, new PartitionIndex(0), new NodeId(leader.NodeId));
            changed.Control.Partitions[0].Leader.Value.ShouldNotBe(leader.NodeId);

            // The deposed leader, who knows nothing of it, has to propose a smaller in-sync set.
            await cluster.KillAsync(follower);
            await cluster.UntilAsync(
                () => cluster.Partition(Topic).LeaderEpoch >= changed.Control.Partitions[0].LeaderEpoch,
                "the first activation gives in",
                Cancelled);
            await load.UntilProgressAsync(Cancelled);
            await cluster.StartAsync(follower);
        }

        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task A_silo_cut_off_from_the_store_serves_on()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var cut = cluster.ControllerOf(Topic);
        cut.Store.IsCut = true;
        await load.UntilProgressAsync(Cancelled);
        cut.IsUp.ShouldBeTrue("a store out of reach does not end a broker");

        cut.Store.IsCut = false;
        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task A_broker_that_dies_while_the_controllers_silo_is_cut_off_from_the_store_is_replaced()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var cut = cluster.ControllerOf(Topic);
        cut.Store.IsCut = true;
        var killed = cluster.Brokers.First(broker => broker != cut);
        await cluster.KillAsync(killed);
        await load.UntilProgressAsync(Cancelled);

        cut.Store.IsCut = false;
        await cluster.StartAsync(killed);
        await load.VerifyAsync(Cancelled);
    }

    private static async Task<TopicController> SecondActivationAsync(LoireTestCluster cluster, TestBroker broker)
    {
        var grain = cluster.ControllerId(Topic);
        var bridge = new StorageBridge<TopicDocument>(broker.Store, "topic", grain);
        await bridge.ReadStateAsync();
        return new TopicController(
            new TopicName(Topic), bridge, broker.View, broker.Services.GetRequiredService<ITopicCatalog>(), _ => { });
    }
}
