using System.Globalization;
using System.Text.Json.Nodes;

namespace Loire.Tests.RealClients;

/// <summary>One call for each of the four clients: produce these, read that many.</summary>
internal static class Clients
{
    public static async Task<List<JsonNode>> ProduceAsync(
        ClientKind kind, string bootstrap, string topic, IEnumerable<Message> messages, string codec = "none", bool idempotent = false)
    {
        if (kind == ClientKind.Kcat)
        {
            return await KcatProduceAsync(bootstrap, topic, messages, codec);
        }

        await using var client = ClientProcess.Start(kind, "produce", new JsonObject
        {
            ["bootstrap"] = bootstrap,
            ["topic"] = topic,
            ["codec"] = codec,
            ["idempotent"] = idempotent,
        });
        foreach (var message in messages)
        {
            await client.WriteLineAsync(message.ToJson().ToJsonString());
        }

        client.CloseInput();
        return await client.FinishAsync();
    }

    /// <summary>Everything that is in the topic now.</summary>
    /// <param name="rack">Where the consumer stands.</param>
    public static async Task<List<JsonNode>> ConsumeAllAsync(string bootstrap, string topic, string rack = "")
    {
        await using var client = ClientProcess.Start(
            ClientKind.Confluent, "consume", new JsonObject { ["bootstrap"] = bootstrap, ["topic"] = topic, ["rack"] = rack });
        return await client.FinishAsync();
    }

    /// <param name="fetchBytes">What a fetch, and each partition's part in it, may have; what the client asks for by itself where
    /// it is null.</param>
    public static async Task<List<JsonNode>> ConsumeAsync(
        ClientKind kind, string bootstrap, string topic, int count, long? timestamp = null, int? fetchBytes = null)
    {
        if (kind == ClientKind.Kcat)
        {
            return await KcatConsumeAsync(bootstrap, topic, count, fetchBytes);
        }

        var options = new JsonObject { ["bootstrap"] = bootstrap, ["topic"] = topic, ["count"] = count };
        if (timestamp is not null)
        {
            options["timestamp"] = timestamp;
        }

        if (fetchBytes is not null)
        {
            options["fetchBytes"] = fetchBytes;
        }

        await using var client = ClientProcess.Start(kind, "consume", options);
        return await client.FinishAsync();
    }

    /// <summary>kcat takes the same headers for all messages of a run and one key delimiter: a run per message shape.</summary>
    private static async Task<List<JsonNode>> KcatProduceAsync(
        string bootstrap, string topic, IEnumerable<Message> messages, string codec)
    {
        foreach (var group in messages.GroupBy(message => string.Join('|', message.Headers)))
        {
            List<string> arguments = ["-P", "-b", bootstrap, "-t", topic, "-z", codec, "-K", "|", "-Z", "-X", "acks=all"];
            foreach (var (name, value) in group.First().Headers)
            {
                arguments.AddRange(["-H", $"{name}={value}"]);
            }

            await using var client = ClientProcess.Start("kcat", [.. arguments]);
            foreach (var message in group)
            {
                await client.WriteLineAsync($"{message.Key}|{message.Value}");
            }

            client.CloseInput();
            await client.FinishAsync();
        }

        return [];
    }

    private static async Task<List<JsonNode>> KcatConsumeAsync(string bootstrap, string topic, int count, int? fetchBytes)
    {
        List<string> arguments =
        [
            "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-J", "-q", "-X", "check.crcs=true",
            "-c", count.ToString(CultureInfo.InvariantCulture),
        ];
        if (fetchBytes is { } size)
        {
            // librdkafka wants a fetch to be as large as the largest message that it would send.
            foreach (var setting in (string[])["fetch.max.bytes", "max.partition.fetch.bytes", "message.max.bytes"])
                arguments.AddRange(["-X", string.Create(CultureInfo.InvariantCulture, $"{setting}={size}")]);
        }

        await using var client = ClientProcess.Start("kcat", [.. arguments]);
        var lines = await client.FinishAsync();
        return lines.ConvertAll(line => (JsonNode)new JsonObject
        {
            ["partition"] = (int)line["partition"]!,
            ["offset"] = (long)line["offset"]!,
            ["timestamp"] = (long)line["ts"]!,
            ["key"] = Message.Encode((string?)line["key"]),
            ["value"] = Message.Encode((string?)line["payload"]),
            ["headers"] = Pairs(line["headers"]?.AsArray() ?? []),
        });
    }

    /// <summary>kcat prints headers as one flat list: name, value, name, value.</summary>
    private static JsonArray Pairs(JsonArray flat) =>
        new([.. flat.Chunk(2).Select(pair => new JsonArray((string)pair[0]!, Message.Encode((string?)pair[1])))]);
}
