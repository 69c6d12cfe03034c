using System.Text.Json;
using Loire.Protocol;
using Loire.Tests.ClusterEngine.Engine;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary><c>loire topics elect</c> against two brokers, each the preferred leader of one partition.</summary>
public sealed class ElectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_offline_gets_a_leader_once_the_loss_is_accepted_and_goes_back_to_its_preferred_leader()
    {
        await using var cluster = await TestCluster.StartAsync(2, ("auto.leader.rebalance.enable", "false"));
        var topic = await cluster.CreateTopicAsync("orders", 2, 2);
        var lost = cluster.LeaderOf(topic, 0);
        var left = cluster.LeaderOf(topic, 1);
        lost.ShouldNotBe(left);
        await LoseAsync(cluster, topic, lost, left);

        var described = await CliRun.RunAsync("topics", "describe", "orders", "-b", left.Address);
        described.ExitCode.ShouldBe(0, described.Error);
        described.Error.ShouldContain("2 of 2 partitions have no leader");
        var filtered = await CliRun.RunAsync("topics", "describe", "--offline", "--json", "-b", left.Address);
        JsonDocument.Parse(filtered.Output).RootElement.GetArrayLength().ShouldBe(2, filtered.Error);

        var preferred = await CliRun.RunAsync("topics", "elect", "orders", "-b", left.Address);
        preferred.ExitCode.ShouldBe(1);
        preferred.Error.ShouldContain(
            $"Partition 0: it has no leader, as no replica that is in sync is up. Start broker {lost.Node}, or look at what --unclean");
        Leaders().ShouldBe([NodeId.None, NodeId.None]);

        var shown = await CliRun.RunAsync("topics", "elect", "orders", "--unclean", "-b", left.Address);
        shown.ExitCode.ShouldBe(0, shown.Error);
        shown.Error.ShouldContain("These partitions are offline");
        shown.Error.ShouldContain("Nothing is changed: repeat with --yes.");
        foreach (var row in await RowsAsync(left, 0, "--unclean"))
        {
            row.GetProperty("inSyncReplicas").EnumerateArray().Single().GetInt32().ShouldBe(lost.Node.Value);
            row.GetProperty("wouldLead").GetInt32().ShouldBe(left.Node.Value);
        }

        Leaders().ShouldBe([NodeId.None, NodeId.None]);

        Elections(await RowsAsync(left, 0, "--unclean", "--yes", "-p", "0")).ShouldBe([(0, left.Node.Value, "elected")]);
        Leaders().ShouldBe([left.Node, NodeId.None]);
        Elections(await RowsAsync(left, 0, "--unclean", "--yes")).ShouldBe([(1, left.Node.Value, "elected")]);
        Leaders().ShouldBe([left.Node, left.Node]);
        (await RowsAsync(left, 0, "--unclean", "--yes")).ShouldBeEmpty();
        await using (var ledger = await Ledger.OpenAsync(cluster, topic)) await ledger.WriteAsync(10);

        var rows = await RowsAsync(left, 1);
        Elections(rows).ShouldBe([(0, left.Node.Value, "failed"), (1, left.Node.Value, "not needed")]);
        rows[0].GetProperty("error").GetString().ShouldBe(
            $"its preferred leader, broker {lost.Node}, is not up. Start it, and repeat this when it is in sync.");

        await lost.StartAsync(Token);
        await Eventually.IsTrueAsync(
            () => cluster.State(topic, 0).InSync.Length == 2 && cluster.State(topic, 1).InSync.Length == 2, "both are in sync again");
        Leaders().ShouldBe([left.Node, left.Node]);
        Elections(await RowsAsync(left, 0)).ShouldBe([(0, lost.Node.Value, "elected"), (1, left.Node.Value, "not needed")]);
        Leaders().ShouldBe([lost.Node, left.Node]);

        IEnumerable<NodeId> Leaders() => [cluster.State(topic, 0).Leader, cluster.State(topic, 1).Leader];
    }

    /// <summary>The one is down while the other is alone in sync, and comes up when that is lost.</summary>
    private static async Task LoseAsync(TestCluster cluster, TopicName topic, TestBroker lost, TestBroker left)
    {
        await left.KillAsync();
        await cluster.NoticeAsync(left);
        cluster.LeaderOf(topic, 1).ShouldBe(lost);
        await using (var ledger = await Ledger.OpenAsync(cluster, topic)) await ledger.WriteAsync(10);
        await lost.KillAsync();
        await cluster.NoticeAsync(lost);
        await left.StartAsync(Token);
        for (var partition = 0; partition < 2; partition++)
        {
            cluster.State(topic, partition).Leader.ShouldBe(NodeId.None);
            cluster.State(topic, partition).InSync.ShouldBe([lost.Node]);
        }
    }

    private static async Task<List<JsonElement>> RowsAsync(TestBroker broker, int exitCode, params string[] args)
    {
        var run = await CliRun.RunAsync(["topics", "elect", "orders", .. args, "--json", "-b", broker.Address]);
        run.ExitCode.ShouldBe(exitCode, run.Error);
        return [.. JsonDocument.Parse(run.Output).RootElement.EnumerateArray()];
    }

    private static IEnumerable<(int Partition, int Leader, string? Outcome)> Elections(IEnumerable<JsonElement> rows) => rows
        .Select(row => (
            row.GetProperty("partition").GetInt32(),
            row.GetProperty("leader").GetInt32(),
            row.GetProperty("election").GetString()));
}
