using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Leaderships go back to the brokers that should have them.</summary>
[Collection(nameof(HostedClusters))]
public sealed class RebalanceTests
{
    private const string Topic = "balanced";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_broker_that_was_killed_leads_again_once_it_is_in_sync()
    {
        await using var cluster = await LoireTestCluster.StartAsync(3, ("leader.imbalance.check.interval.seconds", "1"));
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 3);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var preferred = cluster.Brokers.Select(broker => new NodeId(broker.NodeId)).ToArray();
        Leaders().ShouldBe(preferred, ignoreOrder: true, "each leads one");

        var killed = cluster.LeaderOf(Topic);
        await cluster.KillAsync(killed);
        await cluster.UntilAsync(() => cluster.LeaderOf(Topic) != killed, "another leads", Cancelled);
        await load.UntilProgressAsync(Cancelled);

        await cluster.StartAsync(killed);
        await cluster.UntilAsync(() => Leaders().ToHashSet().SetEquals(preferred), "each leads one again", Cancelled);
        await load.VerifyAsync(Cancelled);

        IEnumerable<NodeId> Leaders() => cluster.Find(Topic)!.Control.Partitions.Select(partition => partition.Leader);
    }
}
