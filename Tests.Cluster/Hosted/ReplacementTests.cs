using System.Text.Json;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cli;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A broker does not come back.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ReplacementTests
{
    private const string Topic = "moved";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_broker_that_is_lost_for_good_is_replaced_and_unregistered_from_the_command_line()
    {
        await using var cluster = await LoireTestCluster.StartAsync(4);
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 4);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var lost = cluster.LeaderOf(Topic);
        var node = new NodeId(lost.NodeId);
        (await RunAsync(cluster, "replace", "--lost", $"{node}")).ShouldBe((1, $"error: Broker {node} is up, at {lost.Bootstrap}: "
            + "only one that is gone is replaced. Stop it first."));
        (await RunAsync(cluster, "unregister", $"{node}")).ShouldBe((1, $"error: Unregistering broker {node}: Broker {node}, at "
            + $"{lost.Bootstrap}, is up, or not declared dead yet: stop it before it is unregistered."));

        await cluster.KillAsync(lost);
        await cluster.UntilAsync(() => cluster.LeaderOf(Topic) != lost, "another leads", Cancelled);
        await cluster.UntilAsync(
            () => cluster.Brokers.Where(broker => broker.IsUp).All(broker => !broker.View.Statuses.IsLive(node)),
            "every broker knows that it is gone",
            Cancelled);
        await load.UntilProgressAsync(Cancelled);
        var before = Replicas();
        var held = before.Count(replicas => replicas.Contains(node));
        held.ShouldBe(3);
        var shown = await RunAsync(cluster, "replace", "--lost", $"{node}");
        shown.Error.ShouldContain($"{held} partitions would be moved. Nothing is changed");
        Replicas().ShouldBe(before);

        (await RunAsync(cluster, "unregister", $"{node}")).Error.ShouldContain($"Broker {node} holds replicas of {Topic}-");

        (await RunAsync(cluster, "replace", "--lost", $"{node}", "--yes")).ExitCode.ShouldBe(0);
        await cluster.UntilAsync(() => Replicas().TrueForAll(replicas => !replicas.Contains(node)), "the moves are known", Cancelled);
        foreach (var (old, now) in before.Zip(Replicas()))
        {
            now.Count.ShouldBe(3);
            now.Distinct().Count().ShouldBe(3);
            old.Zip(now).Where(pair => pair.First != node).ShouldAllBe(pair => pair.First == pair.Second, "all others keep their place");
        }

        var listed = await CliRun.RunAsync("brokers", "list", "--json", "-b", cluster.Bootstrap);
        var row = JsonDocument.Parse(listed.Output).RootElement[lost.NodeId - 1];
        row.GetProperty("isLive").GetBoolean().ShouldBeFalse();
        row.GetProperty("replicas").GetInt32().ShouldBe(0);

        (await RunAsync(cluster, "unregister", $"{node}")).ShouldBe((0, $"Broker {node} is unregistered."));
        (await ListedAsync(cluster)).ShouldBe(cluster.Brokers.Except([lost]).Select(broker => broker.NodeId));
        (await Should.ThrowAsync<LoireException>(() => cluster.Client.Admin.UnregisterBrokerAsync(node.Value, Cancelled)))
            .Error.ShouldBe((short)ErrorCode.BrokerIdNotRegistered);

        // It comes back after all: with its data, and under a generation that no topic takes for an old one.
        await cluster.StartAsync(lost);
        (await ListedAsync(cluster)).ShouldBe(cluster.Brokers.Select(broker => broker.NodeId));
        await cluster.Client.Admin.ReassignPartitionAsync(Topic, 0, [node.Value], Cancelled);
        await cluster.UntilAsync(() => Replicas()[0].SequenceEqual([node]), "it catches up and leads", Cancelled);
        await load.UntilProgressAsync(Cancelled);
        await load.VerifyAsync(Cancelled);

        List<List<NodeId>> Replicas() => [.. cluster.Find(Topic)!.Control.Partitions.Select(partition => partition.Replicas.ToList())];
    }

    private static async Task<IEnumerable<int>> ListedAsync(LoireTestCluster cluster)
    {
        var listed = await CliRun.RunAsync("brokers", "list", "--json", "-b", cluster.Bootstrap);
        return JsonDocument.Parse(listed.Output).RootElement.EnumerateArray().Select(row => row.GetProperty("broker").GetInt32());
    }

    private static async Task<(int ExitCode, string Error)> RunAsync(LoireTestCluster cluster, params string[] args)
    {
        var run = await CliRun.RunAsync(["brokers", .. args, "-b", cluster.Bootstrap]);
        return (run.ExitCode, run.Error.Trim());
    }
}
