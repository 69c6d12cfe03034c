using System.Text;
using System.Text.Json.Nodes;

namespace Loire.Tests.RealClients;

public enum ClientKind
{
    Kcat,
    KafkaPython,
    Confluent,
    KafkaJs,
}

/// <summary>A record as the clients' JSON lines carry it: bytes in base64.</summary>
internal sealed record Message(
    string? Key, string? Value, int? Partition = null, long? Timestamp = null, params (string, string?)[] Headers)
{
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["key"] = Encode(Key), ["value"] = Encode(Value) };
        if (Partition is not null)
        {
            json["partition"] = Partition;
        }

        if (Timestamp is not null)
        {
            json["timestamp"] = Timestamp;
        }

        json["headers"] = new JsonArray([.. Headers.Select(header => new JsonArray(header.Item1, Encode(header.Item2)))]);
        return json;
    }

    /// <summary>Key, value and headers in one string: what must come out as it went in.</summary>
    public string Content => Describe(Encode(Key), Encode(Value), Headers.Select(header => (header.Item1, Encode(header.Item2))));

    public static string ContentOf(JsonNode line) => Describe(
        (string?)line["key"],
        (string?)line["value"],
        line["headers"]!.AsArray().Select(header => ((string)header![0]!, (string?)header[1])));

    public static string? Encode(string? text) => text is null ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    public static string? Decode(JsonNode? value) =>
        value is null ? null : Encoding.UTF8.GetString(Convert.FromBase64String((string)value!));

    private static string Describe(string? key, string? value, IEnumerable<(string Name, string? Value)> headers) =>
        $"{key ?? "null"} {value ?? "null"} {string.Join(',', headers.Select(header => $"{header.Name}={header.Value ?? "null"}"))}";
}
