using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What the admin clients can do, done by them.</summary>
[Collection(nameof(RealClients))]
public sealed class AdminTests
{
    private const string Group = "readers";

    [Theory]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.KafkaJs)]
    public async Task An_administrator_creates_grows_configures_and_deletes_a_topic(ClientKind kind)
    {
        await using var broker = await BrokerProcess.StartAsync();
        var lines = await RunAsync(kind, "admin", broker, "managed");
        ((int)lines[0]["partitions"]!).ShouldBe(5);
        ((string)lines[0]["retention"]!).ShouldBe("7200000");
        ((string)lines[1]["refused"]!).ShouldContain(kind == ClientKind.KafkaJs ? "INVALID_CONFIG" : "no.such.config");
        ((bool)lines[2]["deleted"]!).ShouldBeTrue();
    }

    [Theory]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.KafkaJs)]
    public async Task An_administrator_lists_describes_and_deletes_a_group(ClientKind kind)
    {
        await using var broker = await BrokerProcess.StartAsync();
        await Clients.ProduceAsync(ClientKind.Kcat, broker.Bootstrap, "read", TenMessages);
        var lines = await RunAsync(kind, "groups", broker, "read");
        ((bool)lines[0]["listed"]!).ShouldBeTrue();
        ((string)lines[0]["state"]!).ShouldBe("Empty");
        ((int)lines[0]["committed"]!).ShouldBe(7);

        // This version of confluent-kafka cannot delete a group.
        if (kind == ClientKind.Confluent) return;
        lines[1]["refused"].ShouldBeNull();
        ((bool)lines[1]["listed"]!).ShouldBeFalse();
    }

    [Fact]
    public async Task An_administrator_deletes_records_and_resets_a_group_to_what_is_left()
    {
        await using var broker = await BrokerProcess.StartAsync();
        await Clients.ProduceAsync(ClientKind.Kcat, broker.Bootstrap, "cut", TenMessages);
        var lines = await RunAsync(ClientKind.KafkaJs, "truncate", broker, "cut");
        ((int)lines[0]["low"]!).ShouldBe(4);
        ((int)lines[0]["high"]!).ShouldBe(10);
        ((int)lines[1]["earliest"]!).ShouldBe(4);
        ((int)lines[1]["latest"]!).ShouldBe(10);
        (await Clients.ConsumeAllAsync(broker.Bootstrap, "cut")).ConvertAll(line => (int)line["offset"]!).ShouldBe(Enumerable.Range(4, 6));
    }

    private static IEnumerable<Message> TenMessages => Enumerable.Range(0, 10).Select(i => new Message("key", $"value {i}"));

    private static async Task<List<JsonNode>> RunAsync(ClientKind kind, string command, BrokerProcess broker, string topic)
    {
        await using var client = ClientProcess.Start(
            kind, command, new JsonObject { ["bootstrap"] = broker.Bootstrap, ["topic"] = topic, ["group"] = Group, ["offset"] = 4 });
        return await client.FinishAsync();
    }
}
