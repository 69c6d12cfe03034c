using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What real consumers can do beside reading on.</summary>
[Collection(nameof(RealClients))]
public sealed class ConsumerTests(SharedBroker broker) : IClassFixture<SharedBroker>
{
    [Theory]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaJs)]
    public async Task A_paused_partition_waits_until_it_is_resumed(ClientKind kind)
    {
        var topic = $"paused-{kind}";
        await broker.CreateTopicAsync(topic, partitions: 2);
        await ProduceAsync(topic, Round("first"));
        await using var consumer = Start(kind, topic);
        Values(await ReadAsync(consumer, 2)).Order().ShouldBe(Round("first"));
        await DoAsync(consumer, "pause", 0);
        await ProduceAsync(topic, [.. Round("second"), .. Round("third")]);
        Values(await ReadAsync(consumer, 2)).ShouldBe(["second-1", "third-1"]);
        await DoAsync(consumer, "resume", 0);
        Values(await ReadAsync(consumer, 2)).ShouldBe(["second-0", "third-0"]);

        // One message for each of the two partitions.
        static string[] Round(string name) => [name + "-0", name + "-1"];
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython, "earliest", null)]
    [InlineData(ClientKind.KafkaPython, "latest", null)]
    [InlineData(ClientKind.KafkaPython, "none", "OffsetOutOfRangeError")]
    [InlineData(ClientKind.Confluent, "earliest", null)]
    [InlineData(ClientKind.Confluent, "latest", null)]
    [InlineData(ClientKind.Confluent, "none", "_AUTO_OFFSET_RESET")]
    [InlineData(ClientKind.KafkaJs, "earliest", null)]
    public async Task Beyond_the_end_a_consumer_goes_where_auto_offset_reset_says(ClientKind kind, string reset, string? error)
    {
        var topic = $"beyond-{kind}-{reset}";
        await broker.CreateTopicAsync(topic);
        await ProduceAsync(topic, "old-0");
        await using var consumer = Start(kind, topic, new() { ["assign"] = true, ["reset"] = reset });
        Values(await ReadAsync(consumer, 1)).ShouldBe(["old-0"]);
        await DoAsync(consumer, "seek", 0, 1_000);
        var reading = DoAsync(consumer, "read", 1);
        if (reset == "latest")
        {
            // What comes before it has found the end is before the end.
            await Eventually.AnswersAsync(
                async () =>
                {
                    await ProduceAsync(topic, "new-0");
                    return reading.IsCompleted;
                },
                isRead => isRead);
        }

        var line = await reading;
        ((string?)line["error"]).ShouldBe(error);
        if (error is null) Values(line["answer"]!).ShouldBe([reset == "latest" ? "new-0" : "old-0"]);
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.Confluent)]
    public async Task A_consumer_goes_on_with_a_topic_that_was_deleted_and_made_anew(ClientKind kind)
    {
        var topic = $"anew-{kind}";
        await broker.CreateTopicAsync(topic);
        await ProduceAsync(topic, "old-0", "older-0");
        await using var consumer = Start(kind, topic);
        Values(await ReadAsync(consumer, 2)).ShouldBe(["old-0", "older-0"]);
        var reading = DoAsync(consumer, "read", 1);
        await broker.CliAsync("topics", "delete", topic);
        await broker.CliAsync("topics", "create", topic, "-p", "1", "--if-not-exists");
        await ProduceAsync(topic, "new-0");
        Values((await reading)["answer"]!).ShouldBe(["new-0"]);
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython, "[2,\"noted\"]")]
    [InlineData(ClientKind.Confluent, "[2]")]
    [InlineData(ClientKind.KafkaJs, "[2,\"noted\"]")]
    public async Task A_group_starts_where_its_last_commit_or_the_command_line_says(ClientKind kind, string kept)
    {
        var (topic, group) = ($"reset-{kind}", $"reset-{kind}");
        await broker.CreateTopicAsync(topic);
        await ProduceAsync(topic, "one-0", "two-0", "three-0");
        await using (var first = Start(kind, topic, new() { ["group"] = group }))
        {
            await ReadAsync(first, 3);
            (await DoAsync(first, "commit", 2, "noted"))["answer"]!.ToJsonString().ShouldBe(kept);
            first.CloseInput();
            await first.FinishAsync();
        }

        await using (var second = Start(kind, topic, new() { ["group"] = group }))
        {
            Values(await ReadAsync(second, 1)).ShouldBe(["three-0"]);
            second.CloseInput();
            await second.FinishAsync();
        }

        await broker.CliAsync("groups", "reset", group, "--to", "1", "--yes");
        await using var third = Start(kind, topic, new() { ["group"] = group });
        Values(await ReadAsync(third, 2)).ShouldBe(["two-0", "three-0"]);
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.Confluent)]
    public async Task A_subscription_by_pattern_takes_in_topics_that_come_later(ClientKind kind)
    {
        await ProduceAsync($"pattern-{kind}-1", "known-0");
        await using var consumer = Start(kind, topic: null, new() { ["pattern"] = $"^pattern-{kind}-.*", ["group"] = $"pattern-{kind}" });
        Values(await ReadAsync(consumer, 1)).ShouldBe(["known-0"]);
        await ProduceAsync($"pattern-{kind}-2", "later-0");
        string value;

        // Nothing is committed: after the rebalance, what is known may be read again.
        do value = Values(await ReadAsync(consumer, 1)).Single();
        while (value == "known-0");
        value.ShouldBe("later-0");
    }

    private ClientProcess Start(ClientKind kind, string? topic, JsonObject? options = null)
    {
        options ??= new() { ["group"] = $"readers-of-{topic}" };
        options["bootstrap"] = broker.Bootstrap;
        if (topic is not null) options["topic"] = topic;
        return ClientProcess.Start(kind, "steps", options);
    }

    /// <param name="values">Each ends in the number of its partition.</param>
    private Task ProduceAsync(string topic, params string[] values) => Clients.ProduceAsync(
        ClientKind.Confluent, broker.Bootstrap, topic, values.Select(value => new Message(null, value, value[^1] - '0')));

    private static async Task<JsonNode> DoAsync(ClientProcess consumer, string step, params JsonNode[] arguments)
    {
        await consumer.WriteLineAsync(new JsonArray([step, .. arguments]).ToJsonString());
        return await consumer.WaitForAsync(line => (string?)line["done"] == step, step);
    }

    private static async Task<JsonNode> ReadAsync(ClientProcess consumer, int count) =>
        (await DoAsync(consumer, "read", count))["answer"]!;

    private static IEnumerable<string> Values(JsonNode messages) =>
        messages.AsArray().Select(message => Message.Decode(message!["value"])!);
}
