using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>Real members join, share, leave and come back.</summary>
[Collection(nameof(RealClients))]
public sealed class GroupTests
{
    private const int PartitionCount = 4;
    private const string Topic = "shared";

    [Theory]
    [InlineData(ClientKind.KafkaPython, ClientKind.KafkaPython, "range")]
    [InlineData(ClientKind.Confluent, ClientKind.Confluent, "range")]
    [InlineData(ClientKind.Confluent, ClientKind.Confluent, "cooperative-sticky")]
    [InlineData(ClientKind.KafkaJs, ClientKind.KafkaJs, "range")]
    [InlineData(ClientKind.KafkaPython, ClientKind.Confluent, "range")]
    public async Task Two_members_share_the_partitions_and_the_survivor_takes_over(
        ClientKind firstKind, ClientKind secondKind, string strategy)
    {
        await using var broker = await BrokerWithTopicAsync();
        await using var first = Member(firstKind, broker, strategy);
        await first.WaitForAsync(line => Assigned(line) == PartitionCount, "all partitions");
        await using var second = Member(secondKind, broker, strategy);
        await second.WaitForAsync(line => Assigned(line) == 2, "two partitions");
        await first.WaitForAsync(line => Assigned(line) == 2, "two partitions");

        await ProduceRoundAsync(broker, "both");
        var values = new List<string>();
        foreach (var member in (ClientProcess[])[first, second])
        {
            values.AddRange(await ReadRoundAsync(member, expected: PartitionCount / 2));
        }

        values.Order().ShouldBe(Enumerable.Range(0, PartitionCount).Select(p => $"both-{p}"));

        await first.WriteLineAsync("stop");
        await first.FinishAsync();
        await second.WaitForAsync(line => Assigned(line) == PartitionCount, "all partitions");
        await ProduceRoundAsync(broker, "one");
        (await ReadRoundAsync(second, PartitionCount)).Order()
            .ShouldBe(Enumerable.Range(0, PartitionCount).Select(p => $"one-{p}"), "nothing committed is read again");
        await second.WriteLineAsync("stop");
        await second.FinishAsync();
    }

    [Fact]
    public async Task A_group_goes_on_from_its_commits_after_the_broker_was_killed()
    {
        await using var broker = await BrokerWithTopicAsync();
        // Killed, it takes no leave: the next one is given its partitions when its session has ended.
        await using (var member = Member(ClientKind.Confluent, broker, "range", sessionMs: 6_000))
        {
            await ProduceRoundAsync(broker, "before");
            await ReadRoundAsync(member, PartitionCount);
        }

        await broker.KillAsync();
        await broker.StartAgainAsync();
        await ProduceRoundAsync(broker, "after");
        await using var next = Member(ClientKind.Confluent, broker, "range");
        (await ReadRoundAsync(next, PartitionCount)).Order()
            .ShouldBe(Enumerable.Range(0, PartitionCount).Select(p => $"after-{p}"));
    }

    [Fact]
    public async Task A_static_member_comes_back_without_a_rebalance()
    {
        await using var broker = await BrokerWithTopicAsync();
        await using var stays = Member(ClientKind.Confluent, broker, "range", "stays");
        await using (var restarts = Member(ClientKind.Confluent, broker, "range", "restarts"))
        {
            await restarts.WaitForAsync(line => Assigned(line) == 2, "two partitions");
            await stays.WaitForAsync(line => Assigned(line) == 2, "two partitions");
        }

        await using var returned = Member(ClientKind.Confluent, broker, "range", "restarts");
        await returned.WaitForAsync(line => Assigned(line) == 2, "its old partitions");
        await ProduceRoundAsync(broker, "static");
        await ReadRoundAsync(returned, 2);
        await stays.WaitForAsync(line => line["value"] is not null, "a message");
        stays.Seen.Count(line => line["assigned"] is not null && Assigned(line) > 0).ShouldBeLessThanOrEqualTo(
            2, "the other member kept its partitions through the restart");
    }

    private static async Task<BrokerProcess> BrokerWithTopicAsync()
    {
        var broker = await BrokerProcess.StartAsync(extraArguments: ["--set", $"num.partitions={PartitionCount}"]);
        await ProduceRoundAsync(broker, "created");
        return broker;
    }

    private static Task ProduceRoundAsync(BrokerProcess broker, string name) => Clients.ProduceAsync(
        ClientKind.Confluent,
        broker.Bootstrap,
        Topic,
        Enumerable.Range(0, PartitionCount).Select(p => new Message(null, $"{name}-{p}", p)));

    /// <summary>The values of the next messages a member reads, those that created the topic left out, each committed.</summary>
    private static async Task<List<string>> ReadRoundAsync(ClientProcess member, int expected)
    {
        var values = new List<string>();
        while (values.Count < expected)
        {
            var line = await member.WaitForAsync(line => line["value"] is not null, "a message");
            var value = Message.Decode(line["value"])!;
            if (!value.StartsWith("created", StringComparison.Ordinal))
            {
                values.Add(value);
            }
        }

        await member.WaitForAsync(line => line["committed"] is not null, "the commit");
        return values;
    }

    private static ClientProcess Member(
        ClientKind kind, BrokerProcess broker, string strategy, string? instance = null, int? sessionMs = null)
    {
        var options = new JsonObject
        {
            ["bootstrap"] = broker.Bootstrap,
            ["topic"] = Topic,
            ["group"] = "members",
            ["strategy"] = strategy,
        };
        if (instance is not null) options["instance"] = instance;
        if (sessionMs is not null) options["session"] = sessionMs;
        return ClientProcess.Start(kind, "member", options);
    }

    private static int Assigned(JsonNode line) => line["assigned"] is JsonArray partitions ? partitions.Count : -1;
}
