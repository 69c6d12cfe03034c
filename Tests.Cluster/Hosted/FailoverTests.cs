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
}
