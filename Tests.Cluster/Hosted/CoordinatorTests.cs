using System.Text.Json.Nodes;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A group of real members while its coordinator's broker dies.</summary>
[Collection(nameof(HostedClusters))]
public sealed class CoordinatorTests
{
    private const string Topic = "work";
    private const string Group = "workers";
    private const int PartitionCount = 3;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_go_on_from_what_was_committed_when_their_coordinator_is_killed()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await ProduceAsync(cluster, "before");
        await using (var first = Member(cluster))
        await using (var second = Member(cluster))
        {
            await Task.WhenAll(UntilSharedAsync(first), UntilSharedAsync(second));
            await UntilCommittedAsync(cluster, 1);
            var killed = await CoordinatorAsync(cluster);
            await cluster.KillAsync(killed);
            await ProduceAsync(cluster, "after");
            await UntilCommittedAsync(cluster, 2);
            (await CoordinatorAsync(cluster) == killed).ShouldBeFalse();
            foreach (var member in new[] { first, second })
            {
                await member.WriteLineAsync("stop");
                await member.FinishAsync();
            }
        }

        await ProduceAsync(cluster, "last");
        await using var next = Member(cluster);
        var read = new List<string>();
        while (read.Count < PartitionCount)
            read.Add(Message.Decode((await next.WaitForAsync(line => line["value"] is not null, "a message"))["value"])!);
        read.Order(StringComparer.Ordinal).ShouldBe(
            Enumerable.Range(0, PartitionCount).Select(partition => $"last-{partition}"),
            "what was committed is not read again");
    }

    private static Task ProduceAsync(LoireTestCluster cluster, string round) => Clients.ProduceAsync(
        ClientKind.Confluent,
        cluster.Bootstrap,
        Topic,
        Enumerable.Range(0, PartitionCount).Select(partition => new Message(null, $"{round}-{partition}", partition)),
        idempotent: true);

    /// <summary>Waits until a member has some of the partitions, and not all.</summary>
    private static Task UntilSharedAsync(ClientProcess member) => member.WaitForAsync(
        line => line["assigned"] is JsonArray { Count: > 0 and < PartitionCount }, "a share of the partitions");

    private static async Task UntilCommittedAsync(LoireTestCluster cluster, long offset)
    {
        await using var client = cluster.CreateKafkaClient();
        await Eventually.AnswersAsync(
            () => client.FetchCommittedAsync(new GroupId(Group), Cancelled),
            committed => committed.Count == PartitionCount && committed.Values.All(known => known.Value == offset),
            $"offset {offset} is committed for each partition");
    }

    private static async Task<TestBroker> CoordinatorAsync(LoireTestCluster cluster)
    {
        await using var client = cluster.CreateKafkaClient();
        var connection = await client.RetryAsync(
            cancelled => client.GetCoordinatorConnectionAsync(new GroupId(Group), cancelled), Cancelled);
        return cluster.Brokers.Single(broker => broker.Bootstrap == connection.Address);
    }

    private static ClientProcess Member(LoireTestCluster cluster) => ClientProcess.Start(ClientKind.Confluent, "member", new JsonObject
    {
        ["bootstrap"] = cluster.Bootstrap,
        ["topic"] = Topic,
        ["group"] = Group,
    });
}
