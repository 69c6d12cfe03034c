using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Five brokers in three racks.</summary>
[Collection(nameof(HostedClusters))]
public sealed class RackTests
{
    private const string Topic = "spread";

    private static readonly string[] Racks = ["a", "a", "b", "b", "c"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replicas_spread_over_racks_outlive_the_loss_of_two_brokers_at_once()
    {
        await using var cluster = await LoireTestCluster.StartAsync([.. Racks], ("min.insync.replicas", "1"));
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 5);
        foreach (var partition in cluster.Find(Topic)!.Control.Partitions)
            partition.Replicas.Select(node => Racks[node.Value - 1]).Distinct().Count().ShouldBe(3, "each replica has a rack of its own");

        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var killed = new[] { cluster.LeaderOf(Topic), cluster.LeaderOf(Topic, 1) };
        killed.Distinct().Count().ShouldBe(2);
        await cluster.KillAsync(killed);
        await load.UntilProgressAsync(Cancelled);
        cluster.Find(Topic)!.Control.Partitions.ShouldAllBe(partition => cluster[partition.Leader.Value].IsUp);
        await cluster.StartAsync(killed);
        await load.VerifyAsync(Cancelled);
    }
}
