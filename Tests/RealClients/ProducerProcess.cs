using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Loire.Tests.RealClients;

/// <summary>A real producer at work on one partition: it is given values, and tells what became of each as it hears.</summary>
internal sealed partial class ProducerProcess : IAsyncDisposable
{
    private const int Partition = 0;

    private readonly ClientProcess _client;
    private readonly ClientKind _kind;
    private readonly List<string> _sent = [];

    private ProducerProcess(ClientKind kind, ClientProcess client) => (_kind, _client) = (kind, client);

    /// <summary>How many values it was given.</summary>
    public int SentCount => _sent.Count;

    /// <param name="acks">0, 1 or -1 for all.</param>
    /// <param name="batch">How many messages a request may have; 0 for what the client does by itself. With 1, one request is
    /// under way at a time; other numbers have an effect with kafkajs alone.</param>
    public static ProducerProcess Start(
        ClientKind kind, string bootstrap, string topic, int acks = -1, bool idempotent = false, int batch = 0)
    {
        if (kind == ClientKind.Kcat) return new(kind, StartKcat(bootstrap, topic, acks, idempotent, batch));
        var options = new JsonObject
        {
            ["bootstrap"] = bootstrap,
            ["topic"] = topic,
            ["acks"] = acks,
            ["idempotent"] = idempotent,
        };
        if (batch > 0) options["batch"] = batch;
        return new(kind, ClientProcess.Start(kind, "produce", options));
    }

    public async Task SendAsync(string value)
    {
        _sent.Add(value);
        await _client.WriteLineAsync(_kind == ClientKind.Kcat ? value : new Message(null, value, Partition).ToJson().ToJsonString());
    }

    /// <summary>Waits until something is acknowledged that was not when it was called. Sends on meanwhile: kcat reads
    /// its input in blocks, and looks for answers only between two lines.</summary>
    /// <param name="next">The values to send.</param>
    public async Task SendUntilAcknowledgedAsync(Func<string> next)
    {
        _client.ReadAvailable();
        var before = _client.Seen.Count(IsAcknowledgement);
        await Eventually.AnswersAsync(
            async () =>
            {
                await SendAsync(next());
                _client.ReadAvailable();
                return _client.Seen.Count(IsAcknowledgement);
            },
            count => count > before);
    }

    /// <summary>Lets it send what it still has, and waits for its end.</summary>
    /// <returns>What was acknowledged, in the order it was, and the errors its user got.</returns>
    public async Task<(List<(string Value, long Offset)> Acknowledged, List<string> Errors)> FinishAsync()
    {
        _client.CloseInput();
        var lines = await _client.FinishAsync(mayFail: true);
        var acknowledged = lines.FindAll(IsAcknowledgement);
        return _kind == ClientKind.Kcat
            ? ([.. acknowledged.Select((line, index) => (_sent[index], OffsetIn(line)))], [.. lines.Select(KcatErrorIn).OfType<string>()])
            : ([.. acknowledged.Select(line => (Message.Decode(line["value"])!, (long)line["offset"]!))],
                [.. lines.Select(line => (string?)line["error"]).OfType<string>()]);
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>kcat reports offsets without values: in the order of the messages as long as none of them fails, which its
    /// idempotent producer sees to.</summary>
    private static ClientProcess StartKcat(string bootstrap, string topic, int acks, bool idempotent, int batch)
    {
        List<string> arguments =
        [
            "-P", "-E", "-vvv", "-b", bootstrap, "-t", topic, "-p", Text(Partition), "-X", "acks=" + Text(acks),
            "-X", "enable.idempotence=" + (idempotent ? "true" : "false"), "-X", "topic.produce.offset.report=true",
            "-X", "reconnect.backoff.max.ms=500",
        ];
        if (batch == 1) arguments.AddRange(["-X", "batch.num.messages=1", "-X", "max.in.flight=1"]);
        return ClientProcess.Start("sh", ["-c", "exec kcat \"$@\" 2>&1", "kcat", .. arguments]);
    }

    private bool IsAcknowledgement(JsonNode line) =>
        _kind == ClientKind.Kcat ? Delivered().IsMatch((string)line!) : line["offset"] is not null;

    private static long OffsetIn(JsonNode line) =>
        long.Parse(Delivered().Match((string)line!).Groups["offset"].Value, CultureInfo.InvariantCulture);

    private static string? KcatErrorIn(JsonNode line) =>
        Failed().Match((string)line!) is { Success: true } match ? match.Groups["error"].Value : null;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^% Message delivered to partition \d+ \(offset (?<offset>\d+)\)")]
    private static partial Regex Delivered();

    [GeneratedRegex(@"^% Delivery failed for message: (?<error>.*)$")]
    private static partial Regex Failed();
}
