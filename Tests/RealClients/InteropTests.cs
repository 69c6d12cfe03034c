using Loire.Bench.Processes;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What one real client writes every other reads, whatever the codec.</summary>
[Collection(nameof(RealClients))]
public sealed class InteropTests
{
    private static readonly ClientKind[] AllClients = Enum.GetValues<ClientKind>();

    [Fact]
    public async Task The_tutorial_snippet_runs_as_it_stands()
    {
        const string address = "localhost:9092";
        var text = Repository.Read("Tests/RealClients/clients/tutorial.py");
        text.ShouldContain(address);

        // Another program may have Kafka's port: then the snippet stands but for the address.
        await using var broker = await BrokerProcess.StartAsync(LoopbackPort.IsFree(9092) ? 9092 : null);
        await using var snippet = ClientProcess.Start(
            "/usr/bin/python3", "-c", text.Replace(address, broker.Bootstrap, StringComparison.Ordinal));
        var lines = await snippet.FinishAsync();
        lines.ConvertAll(line => (string)line!)
            .ShouldBe(Enumerable.Range(0, 10).Select(i => $"test-topic 0 {i} message {i}"));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("gzip")]
    [InlineData("snappy")]
    [InlineData("lz4")]
    [InlineData("zstd")]
    public async Task Every_client_reads_what_every_client_wrote(string codec)
    {
        await using var broker = await BrokerProcess.StartAsync();
        var topic = "codec-" + codec;
        var expected = new List<string>();
        foreach (var producer in AllClients)
        {
            var messages = MessagesOf(producer);
            await Clients.ProduceAsync(producer, broker.Bootstrap, topic, messages, codec);
            expected.AddRange(messages.Select(message => message.Content));
        }

        foreach (var consumer in AllClients)
        {
            var read = await Clients.ConsumeAsync(consumer, broker.Bootstrap, topic, expected.Count);
            read.ConvertAll(Message.ContentOf).ShouldBe(expected, $"{consumer} reading {codec}");
            read.ConvertAll(line => (long)line["offset"]!).ShouldBe(Enumerable.Range(0, expected.Count).Select(i => (long)i));
        }
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.Confluent)]
    public async Task A_consumer_seeks_by_timestamp(ClientKind consumer)
    {
        await using var broker = await BrokerProcess.StartAsync();
        var start = DateTimeOffset.UtcNow.AddMinutes(-30).ToUnixTimeMilliseconds();
        var messages = Enumerable.Range(0, 100).Select(i => new Message("k", $"v{i}", 0, start + (i * 1000)));
        await Clients.ProduceAsync(ClientKind.Confluent, broker.Bootstrap, "times", messages);
        var read = await Clients.ConsumeAsync(consumer, broker.Bootstrap, "times", 40, timestamp: start + 59_500);
        read.ConvertAll(line => Message.Decode(line["value"])).ShouldBe(Enumerable.Range(60, 40).Select(i => $"v{i}"));
    }

    /// <summary>Null keys, null values, both, headers, repeated header names and text beyond ASCII, as far as the client
    /// can send them.</summary>
    private static List<Message> MessagesOf(ClientKind producer)
    {
        List<Message> messages =
        [
            .. Enumerable.Range(0, 20).Select(i => new Message($"key-{i}", $"{producer} value {i} " + new string('x', i * 3))),
            new("only a key", null),
            new("ключ", "Grüße 值"),
            new("with headers", "v", Headers: [("trace", "abc"), ("empty", "")]),
        ];
        if (producer != ClientKind.Kcat)
        {
            messages.Add(new Message(null, "no key"));
        }

        if (producer is ClientKind.KafkaPython or ClientKind.Confluent)
        {
            messages.Add(new Message("h", "v", Headers: [("same", "1"), ("same", "2")]));
        }

        if (producer == ClientKind.Confluent)
        {
            messages.Add(new Message("h", "v", Headers: [("null", null)]));
        }

        return messages;
    }
}
