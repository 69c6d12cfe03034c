using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>What those collect who have the logs as JSON.</summary>
public sealed class JsonLogTests : IDisposable
{
    private static readonly TopicPartition Partition = new(new TopicName("orders"), new PartitionIndex(0));

    private static readonly Dictionary<string, string> AsJson =
        new(StringComparer.Ordinal) { ["Logging__Console__FormatterName"] = "json" };

    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string[] Arguments => ["--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Each_line_from_start_to_stop_is_an_entry_with_its_time_and_names_what_it_is_about()
    {
        string cluster;
        await using (var broker = new StandaloneProcess(AsJson, Arguments))
        {
            cluster = await ReadyAsync(broker);
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = cluster });
            await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);
            await producer.AppendAsync(Partition.Topic, Partition.Partition, key: null, new byte[10], default, timestampMs: 1, Cancelled);
            await producer.FlushAsync(Cancelled);
            (await broker.TerminateAsync()).ShouldBe(0);
            var stopped = Entries(broker)[^1];
            Text(stopped, "Message").ShouldBe("Loire has stopped.");
        }

        await ForgetTopicsAsync();
        await using var again = new StandaloneProcess(AsJson, Arguments);
        await ReadyAsync(again);
        var stray = Entry(await again.WaitForLineAsync("Removing the log"));
        Text(stray, "LogLevel").ShouldBe("Warning");
        Text(stray["State"]!, "Partition").ShouldBe("orders-0");
        Guid.TryParse(Text(stray["State"]!, "TopicId"), out _).ShouldBeFalse("ids are written as Kafka's tools do");
        (await again.TerminateAsync()).ShouldBe(0);
        Entries(again).ShouldAllBe(entry => DateTimeOffset.Parse(Text(entry, "Timestamp")).Offset == TimeSpan.Zero);
    }

    [Theory]
    [InlineData("Logging__LogLevel__Default")]
    [InlineData("Logging__Console__LogLevel__Default")]
    public async Task Whoever_wants_no_news_still_hears_that_it_is_ready_and_that_it_has_stopped(string level)
    {
        await using var broker = new StandaloneProcess(
            new Dictionary<string, string>(AsJson, StringComparer.Ordinal) { [level] = "Error" }, Arguments);
        await ReadyAsync(broker);
        (await broker.TerminateAsync()).ShouldBe(0);
        Entries(broker).Select(entry => Text(entry, "Message")[..9]).ShouldBe(["Loire 0.1", "Loire has"]);
    }

    [Fact]
    public async Task Why_a_start_is_refused_is_an_entry_too()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await using var broker = new StandaloneProcess(
            AsJson, ["--data", _data, "--listen", other.LocalEndpoint.ToString()!, "--http", "none"]);
        (await broker.WaitForExitAsync()).ShouldBe(1);
        var last = Entries(broker)[^1];
        Text(last, "LogLevel").ShouldBe("Critical");
        Text(last["State"]!, "Reason").ShouldContain($"Cannot listen on {other.LocalEndpoint}");

        await using var misspelt = new StandaloneProcess(AsJson, ["--data", _data, "--set", "num.partition=3"]);
        (await misspelt.WaitForExitAsync()).ShouldBe(2);
        Text(Entries(misspelt).ShouldHaveSingleItem(), "Message").ShouldContain("num.partitions");
    }

    /// <returns>The address for clients.</returns>
    private static async Task<string> ReadyAsync(StandaloneProcess broker) =>
        Text(Entry(await broker.WaitForLineAsync("is ready after"))["State"]!, "Address");

    private static List<JsonNode> Entries(StandaloneProcess broker) => [.. broker.Output.Concat(broker.Errors).Select(Entry)];

    private static JsonNode Entry(string line) => JsonNode.Parse(line).ShouldNotBeNull();

    private static string Text(JsonNode entry, string name) => entry[name].ShouldNotBeNull($"{name} of {entry}").GetValue<string>();

    /// <summary>As a crash may between the deletion of a topic and that of its logs.</summary>
    private async Task ForgetTopicsAsync()
    {
        var catalog = Path.Combine(_data, "catalog.log");
        var lines = await File.ReadAllLinesAsync(catalog, Cancelled);
        await File.WriteAllLinesAsync(catalog, lines.Where(line => !line.Contains("topic-created", StringComparison.Ordinal)), Cancelled);
    }
}
