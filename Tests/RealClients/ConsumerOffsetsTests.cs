using System.Text.Json.Nodes;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What tools that watch groups read in <c>__consumer_offsets</c>.</summary>
[Collection(nameof(RealClients))]
public sealed class ConsumerOffsetsTests(SharedBroker broker) : IClassFixture<SharedBroker>
{
    [Theory]
    [InlineData("kafka_python")]
    [InlineData("kcat")]
    public async Task The_topic_of_the_offsets_tells_what_groups_committed_and_who_their_members_are(string reader)
    {
        var (topic, watched, deleted) = ($"read-{reader}", $"watched-{reader}", $"deleted-{reader}");
        var startMs = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await Clients.ProduceAsync(ClientKind.Kcat, broker.Bootstrap, topic, [new("k", "one"), new("k", "two"), new("k", "three")]);
        await using var member = Start("member", topic, watched);
        for (var read = 0; read < 3; read++) await member.WaitForAsync(line => line["value"] is not null, "a message");
        await member.WaitForAsync(line => line["committed"] is not null, "the commit");
        await using (var groups = Start("groups", topic, deleted)) await groups.FinishAsync();

        var records = await ReadAsync(reader);
        var committed = records.Where(line => IsOf(line, "offset", watched)).Last();
        ((string)committed["topic"]!).ShouldBe(topic);
        ((int)committed["partition"]!).ShouldBe(0);
        ((long)committed["value"]!["offset"]!).ShouldBe(3);
        ((long)committed["value"]!["timestamp"]!).ShouldBeInRange(startMs, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

        var group = records.Where(line => IsOf(line, "group", watched)).Last()["value"]!;
        ((string)group["protocolType"]!).ShouldBe("consumer");
        ((string)group["protocol"]!).ShouldBe("range");
        var only = group["members"]!.AsArray().ShouldHaveSingleItem()!;
        ((string)only["id"]!).ShouldBe((string)group["leader"]!);
        ((string)only["client"]!).ShouldStartWith("kafka-python");
        ((int)only["sessionMs"]!).ShouldBe(45_000);
        only["subscribed"]!.AsArray().Select(name => (string)name!).ShouldBe([topic]);
        only["assigned"]!.ToJsonString().ShouldBe($$"""{"{{topic}}":[0]}""");

        var history = records.Where(line => IsOf(line, "offset", deleted)).Select(line => line["value"]).ToList();
        history.Count.ShouldBe(2);
        ((long)history[0]!["offset"]!).ShouldBe(7);
        ((string)history[0]!["metadata"]!).ShouldBe("noted");
        history[1].ShouldBeNull("a deleted group's offsets are taken back");
    }

    private static bool IsOf(JsonNode line, string type, string group) =>
        (string)line["type"]! == type && (string)line["group"]! == group;

    private ClientProcess Start(string command, string topic, string group) => ClientProcess.Start(
        ClientKind.KafkaPython,
        command,
        new JsonObject { ["bootstrap"] = broker.Bootstrap, ["topic"] = topic, ["group"] = group });

    private async Task<List<JsonNode>> ReadAsync(string reader)
    {
        await using var process = ClientProcess.Start(
            "/usr/bin/python3",
            Path.Combine(Repository.Root, "Tests/RealClients/clients/consumer_offsets.py"),
            reader,
            new JsonObject { ["bootstrap"] = broker.Bootstrap }.ToJsonString());
        return await process.FinishAsync();
    }
}
