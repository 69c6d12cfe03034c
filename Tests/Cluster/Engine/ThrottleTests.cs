using Loire.Broker.Ports;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Replicas that catch up at a rate that operators set (KIP-73).</summary>
public sealed class ThrottleTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("leader")]
    [InlineData("follower")]
    public async Task At_rate_0_a_replica_does_not_catch_up_until_the_rate_is_raised(string side)
    {
        await using var cluster = await TestCluster.StartAsync(3, ($"{side}.replication.throttled.rate", "0"));
        var slow = await cluster.CreateTopicAsync("slow", 1, 3, ($"{side}.replication.throttled.replicas", "*"));
        var fast = await cluster.CreateTopicAsync("fast", 1, 3);
        await using var slowLedger = await Ledger.OpenAsync(cluster, slow);
        await using var fastLedger = await Ledger.OpenAsync(cluster, fast);
        await slowLedger.WriteAsync(20);

        var behind = cluster.Up.First(broker => broker != cluster.LeaderOf(slow));
        await behind.KillAsync();
        await cluster.NoticeAsync(behind);
        await slowLedger.WriteAsync(20);
        await fastLedger.WriteAsync(20);
        await behind.StartAsync(Token);
        await Eventually.IsTrueAsync(() => cluster.State(fast).InSync.Length == 3, "what is not throttled catches up");
        cluster.State(slow).InSync.Length.ShouldBe(2);

        await cluster.Up.First().Broker!.Catalog.AlterConfigsAsync(
            new ConfigResource(ConfigResourceType.Broker, ""),
            configs => configs.SetItem($"{side}.replication.throttled.rate", "1000000"),
            validateOnly: false,
            Token);
        await Eventually.IsTrueAsync(() => cluster.State(slow).InSync.Length == 3, "it has caught up");
        await slowLedger.WriteAsync(20);
        await slowLedger.ProveAsync();
    }
}
