using System.Globalization;
using System.Text.Json.Nodes;
using Loire.Tests.RealClients;
using Shouldly;

namespace Loire.Tests.Cluster.Processes;

/// <summary>A real producer that numbers its messages by partition, and what became of them.</summary>
internal sealed class ContinuousProducer : IAsyncDisposable
{
    private const int PartitionCount = 6;

    private readonly ProcessCluster _cluster;
    private readonly bool _isIdempotent;
    private readonly ClientProcess _client;
    private readonly string _topic;
    private int _sent;

    public ContinuousProducer(ProcessCluster cluster, string topic, bool isIdempotent)
    {
        _cluster = cluster;
        _topic = topic;
        _isIdempotent = isIdempotent;
        _client = ClientProcess.Start(ClientKind.Confluent, "produce", new JsonObject
        {
            ["bootstrap"] = cluster.Bootstrap,
            ["topic"] = topic,
            ["idempotent"] = isIdempotent,
        });
    }

    /// <summary>Sends that many, and returns when the first of them is acknowledged: the others are under way.</summary>
    public async Task SendAsync(int count)
    {
        var first = _sent;
        for (var i = 0; i < count; i++, _sent++)
        {
            await _client.WriteLineAsync(new Message(null, $"m{_sent}", _sent % PartitionCount).ToJson().ToJsonString());
        }

        await _client.WaitForAsync(
            line => line["offset"] is not null && Number(line) >= first, "an acknowledgement of what was sent last");
    }

    public async Task WaitUntilAllAcknowledgedAsync()
    {
        while (_client.Seen.Count(line => line["offset"] is not null) < _sent)
            await _client.WaitForAsync(line => line["offset"] is not null, "further acknowledgements");
    }

    /// <summary>Waits until everything is acknowledged, and compares it with what the topic holds.</summary>
    public async Task VerifyAsync()
    {
        _client.CloseInput();
        var acknowledged = (await _client.FinishAsync()).Where(line => line["offset"] is not null).ToList();
        acknowledged.Select(Number).Order().ShouldBe(Enumerable.Range(0, _sent), "everything is acknowledged in the end");

        var log = (await Clients.ConsumeAllAsync(_cluster.Bootstrap, _topic)).ToLookup(line => (int)line["partition"]!);
        foreach (var partition in log)
            partition.Select(line => (long)line["offset"]!).ShouldBe(Enumerable.Range(0, partition.Count()).Select(i => (long)i));
        foreach (var line in acknowledged)
        {
            var stored = log[(int)line["partition"]!].ElementAt((int)(long)line["offset"]!);
            Number(stored).ShouldBe(Number(line), "an acknowledged message stays at its offset");
        }

        if (!_isIdempotent) return;
        foreach (var partition in log)
        {
            partition.Select(Number).ShouldBe(
                Enumerable.Range(0, _sent).Where(i => i % PartitionCount == partition.Key), "nothing is doubled, nothing reordered");
        }
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static int Number(JsonNode line) => int.Parse(Message.Decode(line["value"])![1..], CultureInfo.InvariantCulture);
}
