using System.Text.Json.Nodes;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Tests.Cli;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>A bit that flipped long ago, from its discovery to its repair.</summary>
public sealed class DamageTests : IDisposable
{
    private const int Records = 40;
    private const int RecordBytes = 250_000;
    private const string Settings = """
        { "Loire": { "JournalSegmentBytes": "4194304", "JournalMemoryBytes": "4194304", "BatchBytesMax": "524288" } }
        """;

    private static readonly TopicPartition Partition = new(new TopicName("orders"), new PartitionIndex(0));

    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;
    private readonly string _settings = Path.GetTempFileName();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string DirectoryId => JsonNode.Parse(File.ReadAllText(Path.Combine(_data, "meta.json")))!["directoryId"]!.GetValue<string>();

    public void Dispose()
    {
        Directory.Delete(_data, recursive: true);
        File.Delete(_settings);
    }

    [Fact]
    public async Task A_flipped_bit_in_the_old_journal_is_told_while_all_else_is_served_and_is_repaired_from_the_command_line()
    {
        await File.WriteAllTextAsync(_settings, Settings, Cancelled);
        await using (var broker = Start())
        {
            var (kafka, _) = await broker.WaitUntilReadyAsync();
            await ProduceAsync(kafka);
            await StopAsync(broker);
        }

        var damaged = Path.Combine(_data, "journal", "0000000000.journal");
        await FlipAsync(damaged, 3 << 20);
        await using (var broker = Start())
        {
            var (kafka, http) = await broker.WaitUntilReadyAsync();
            using var probe = new HttpClient { BaseAddress = new Uri(http) };
            string health = "", metrics = "";
            await Eventually.IsTrueAsync(
                () => broker.Output.Any(line => line.Contains(damaged, StringComparison.Ordinal)),
                state: () => "the log says nothing of " + damaged);
            health = await probe.GetStringAsync("/health/ready", Cancelled);
            health.ShouldStartWith("ready\nwarning: ");
            health.ShouldContain(damaged);
            metrics = await probe.GetStringAsync("/metrics", Cancelled);
            metrics.ShouldContain("loire_log_damages 1");
            (await EndAsync(kafka)).ShouldBe(Records);
            (await Should.ThrowAsync<KafkaClientException>(CountAsync(kafka))).Error.ShouldBe(ErrorCode.CorruptMessage);
            await StopAsync(broker);
        }

        (await CliRun.RunAsync("log", "verify", _data)).ExitCode.ShouldBe(4);
        (await CliRun.RunAsync("log", "repair", _data)).ExitCode.ShouldBe(2);
        (await CliRun.RunAsync("log", "verify", _data)).ExitCode.ShouldBe(4);
        var before = DirectoryId;
        var repair = await CliRun.RunAsync("log", "repair", _data, "--yes");
        repair.ExitCode.ShouldBe(0, repair.Error);
        repair.Output.ShouldContain("orders-0");
        (await CliRun.RunAsync("log", "verify", _data)).ExitCode.ShouldBe(0);
        DirectoryId.ShouldNotBe(before);

        await using var mended = Start();
        var (mendedKafka, _) = await mended.WaitUntilReadyAsync();
        (await CountAsync(mendedKafka)).ShouldBeInRange(1, Records - 1);
        await StopAsync(mended);
    }

    private StandaloneProcess Start() =>
        new("--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config", _settings);

    private static async Task StopAsync(StandaloneProcess broker)
    {
        (await broker.TerminateAsync()).ShouldBe(0);
    }

    private static async Task FlipAsync(string file, int position)
    {
        var bytes = await File.ReadAllBytesAsync(file, Cancelled);
        bytes[position] ^= 4;
        await File.WriteAllBytesAsync(file, bytes, Cancelled);
    }

    private static async Task ProduceAsync(string kafka)
    {
        await using var client = Connect(kafka);
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);
        var value = new byte[RecordBytes];
        for (var i = 0; i < Records; i++)
        {
            Random.Shared.NextBytes(value);
            await producer.AppendAsync(Partition.Topic, Partition.Partition, key: null, value, default, timestampMs: 1, Cancelled);
            await producer.FlushAsync(Cancelled);
        }
    }

    private static async Task<long> EndAsync(string kafka)
    {
        await using var client = Connect(kafka);
        return (await client.ListOffsetsAsync([Partition], OffsetQueries.Latest, Cancelled))[Partition].Value;
    }

    private static async Task<int> CountAsync(string kafka)
    {
        var end = new Offset(await EndAsync(kafka));
        await using var client = Connect(kafka);
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(Partition, new Offset(0));
        var count = 0;
        while (fetcher.Positions[Partition] < end)
        {
            using var result = await fetcher.FetchAsync(Cancelled);
            foreach (var fetched in result.Partitions) fetched.Read((in _) => count++);
        }

        return count;
    }

    private static KafkaClient Connect(string kafka) => new(new KafkaClientOptions { BootstrapServers = kafka });
}
