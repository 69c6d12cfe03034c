using System.Text.Json.Nodes;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>A group's members while their brokers and their coordinator die.</summary>
[Collection(nameof(RealClients))]
public sealed class GroupTests
{
    private const string Topic = "shared";
    private const int PartitionCount = 6;

    [Fact]
    public async Task Members_go_on_from_what_was_committed_whichever_silo_dies()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await ProduceAsync(cluster, "created");
        await using (var member = Member(cluster))
        {
            await ReadAsync(member, "created");
            foreach (var silo in cluster.Silos)
            {
                await silo.KillAsync();
                await ProduceAsync(cluster, $"without-{silo.NodeId}");
                await ReadAsync(member, $"without-{silo.NodeId}");
                await silo.StartAgainAsync();
            }

            await member.WriteLineAsync("stop");
            await member.FinishAsync();
        }

        await ProduceAsync(cluster, "after");
        await using var next = Member(cluster);
        (await ReadAsync(next, "after")).ShouldBe(
            Enumerable.Range(0, PartitionCount).Select(partition => $"after-{partition}"), "nothing committed is read again");
    }

    private static Task ProduceAsync(ProcessCluster cluster, string round) => Clients.ProduceAsync(
        ClientKind.Confluent,
        cluster.Bootstrap,
        Topic,
        Enumerable.Range(0, PartitionCount).Select(partition => new Message(null, $"{round}-{partition}", partition)),
        idempotent: true);

    /// <summary>Reads until a round is complete and committed.</summary>
    /// <returns>Everything that was read, in order.</returns>
    private static async Task<List<string>> ReadAsync(ClientProcess member, string round)
    {
        var seen = new List<string>();
        var missing = Enumerable.Range(0, PartitionCount).Select(partition => $"{round}-{partition}").ToHashSet(StringComparer.Ordinal);
        string? last = null;
        while (missing.Count > 0)
        {
            var line = await member.WaitForAsync(
                line => line["value"] is not null || line["committed"] is not null, $"a message of {round}, committed");
            if (line["value"] is JsonNode value) seen.Add(last = Message.Decode(value)!);
            else missing.Remove(last!);
        }

        return [.. seen.Order(StringComparer.Ordinal)];
    }

    private static ClientProcess Member(ProcessCluster cluster) => ClientProcess.Start(ClientKind.Confluent, "member", new JsonObject
    {
        ["bootstrap"] = cluster.Bootstrap,
        ["topic"] = Topic,
        ["group"] = "members",
    });
}
