using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Tests.Cli;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>A broker that was killed, and what it finds when it is started again.</summary>
public sealed class CrashTests : IDisposable
{
    private const int Records = 20;

    private static readonly TopicPartition Partition = new(new TopicName("orders"), new PartitionIndex(0));

    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Journal => Path.Combine(_data, "journal", "0000000000.journal");

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task A_torn_tail_is_cut_off_in_one_line_and_all_that_was_acknowledged_is_there()
    {
        await ProduceAndKillAsync();
        var end = FindEnd();
        await OverwriteAsync(end, [.. Enumerable.Repeat((byte)0xEE, 300)]);

        await using var broker = Start();
        var (kafka, _) = await broker.WaitUntilReadyAsync();
        broker.Output.Where(line => line.Contains("warn: Loire.", StringComparison.Ordinal)).ShouldHaveSingleItem()
            .ShouldContain($"Torn tail in {Journal}: cut at address {end}, 300 bytes dropped");
        (await ReadAsync(kafka)).ShouldBe(Enumerable.Range(0, Records).Select(Value));
        (await broker.TerminateAsync()).ShouldBe(0);
        broker.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task Damage_among_what_was_acknowledged_refuses_the_start_until_it_is_repaired()
    {
        await ProduceAndKillAsync();
        var bytes = await File.ReadAllBytesAsync(Journal, Cancelled);
        var damaged = bytes.AsSpan().IndexOf(Value(Records / 2));
        await OverwriteAsync(damaged, [(byte)(bytes[damaged] ^ 1)]);

        await using (var broker = Start())
        {
            (await broker.WaitForExitAsync()).ShouldBe(1);
            var line = broker.Errors.ShouldHaveSingleItem();
            line.ShouldStartWith($"loire: {Journal} is damaged at address ");
            line.ShouldEndWith("'loire log verify' shows what is affected, 'loire log repair' cuts it out and keeps the rest.");
        }

        (await CliRun.RunAsync("log", "repair", _data, "--yes")).ExitCode.ShouldBe(0);
        await using var mended = Start();
        var (kafka, _) = await mended.WaitUntilReadyAsync();
        (await ReadAsync(kafka)).ShouldBe(Enumerable.Range(0, Records).Where(i => i != Records / 2).Select(Value));
        (await mended.TerminateAsync()).ShouldBe(0);
    }

    private static byte[] Value(int number) => [.. "number "u8, (byte)number, .. "."u8];

    private StandaloneProcess Start() => new("--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0");

    private async Task ProduceAndKillAsync()
    {
        await using var broker = Start();
        var (kafka, _) = await broker.WaitUntilReadyAsync();
        await using var client = Connect(kafka);
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);
        for (var i = 0; i < Records; i++)
        {
            await producer.AppendAsync(Partition.Topic, Partition.Partition, key: null, Value(i), default, timestampMs: 1, Cancelled);
            await producer.FlushAsync(Cancelled);
        }

        await broker.KillAsync();
    }

    private static async Task<List<byte[]>> ReadAsync(string kafka)
    {
        await using var client = Connect(kafka);
        var end = (await client.ListOffsetsAsync([Partition], OffsetQueries.Latest, Cancelled))[Partition];
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(Partition, new Offset(0));
        var read = new List<byte[]>();
        while (fetcher.Positions[Partition] < end)
        {
            using var result = await fetcher.FetchAsync(Cancelled);
            foreach (var fetched in result.Partitions) fetched.Read((in record) => read.Add(record.Value.Span.ToArray()));
        }

        return read;
    }

    private static KafkaClient Connect(string kafka) => new(new KafkaClientOptions { BootstrapServers = kafka });

    /// <summary>Where the next entry would come.</summary>
    private int FindEnd()
    {
        using var files = JournalSurvey.Open(_data).Files;
        var scanner = new JournalScanner(files, JournalGeometry.FirstAddress, nextSequence: 0);
        while (scanner.MoveNext())
        {
        }

        scanner.End.ShouldBe(ScanEnd.Tail);
        return (int)scanner.EndAddress;
    }

    private async Task OverwriteAsync(int position, byte[] bytes)
    {
        await using var file = new FileStream(Journal, FileMode.Open, FileAccess.Write);
        file.Position = position;
        await file.WriteAsync(bytes, Cancelled);
    }
}
