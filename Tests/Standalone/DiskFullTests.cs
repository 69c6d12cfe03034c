using System.Globalization;
using System.Net;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>A disk that is really full, under the broker as a process.</summary>
public sealed class DiskFullTests : IDisposable
{
    /// <summary>Room for the two journal files that a start claims, not for a third.</summary>
    private const int DiskMegabytes = 11;
    private const string Settings = """
        { "Loire": { "JournalSegmentBytes": "4194304", "JournalMemoryBytes": "4194304", "BatchBytesMax": "524288" } }
        """;

    private static readonly TopicPartition Partition = new(new TopicName("orders"), new PartitionIndex(0));

    private readonly string _settings = Path.GetTempFileName();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_settings);

    [Theory]
    [InlineData(false, "No space for the journal's next file")]
    [InlineData(true, "No checkpoint could be taken")]
    public async Task A_full_disk_loses_nothing_that_was_acknowledged(bool othersTakeTheRest, string reason)
    {
        await File.WriteAllTextAsync(_settings, Settings, Cancelled);
        using var disk = SmallDisk.TryMount(DiskMegabytes, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        var data = Path.Combine(disk.Directory, "data");
        int acknowledged;
        using (var broker = Start(data))
        {
            var (kafka, http) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ProduceAsync(client, from: 0, count: 1)).ShouldBe(1);
            if (othersTakeTheRest) disk.Fill();
            acknowledged = 1 + await ProduceAsync(client, from: 1, count: int.MaxValue);

            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            using var probe = new HttpClient();
            using var ready = await probe.GetAsync(http + "/health/ready", Cancelled);
            ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            (await ready.Content.ReadAsStringAsync(Cancelled)).ShouldContain(data);
            broker.Terminate();
            (await broker.WaitForExitAsync()).ShouldBe(1);
            var why = broker.Output.Where(line => line.Contains(reason, StringComparison.Ordinal)).ShouldHaveSingleItem();
            why.ShouldContain(data);
            why.ShouldNotContain(" at Loire.");
        }

        if (!othersTakeTheRest)
        {
            // The last file is full, so that a start needs another one.
            using var tooEarly = Start(data);
            (await tooEarly.WaitForExitAsync()).ShouldBe(1);
            tooEarly.Errors.ShouldHaveSingleItem().ShouldStartWith("loire: No space for the journal's next file");
        }

        disk.Grow(4 * DiskMegabytes);
        using (var broker = Start(data))
        {
            var (kafka, _) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            (await ProduceAsync(client, from: acknowledged, count: 200)).ShouldBe(200);
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged + 200));
            broker.Terminate();
            (await broker.WaitForExitAsync()).ShouldBe(0);
        }
    }

    private StandaloneProcess Start(string data) =>
        new("--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config", _settings);

    /// <summary>Produces numbers, one after the other, until one is refused.</summary>
    /// <returns>How many were acknowledged.</returns>
    private static async Task<int> ProduceAsync(KafkaClient client, int from, int count)
    {
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions { DeliveryTimeout = TimeSpan.Zero }, Cancelled);
        for (var done = 0; done < count; done++)
        {
            var value = Encoding.UTF8.GetBytes((from + done).ToString(CultureInfo.InvariantCulture).PadRight(20_000));
            await producer.AppendAsync(Partition.Topic, Partition.Partition, key: null, value, default, timestampMs: 1, Cancelled);
            try
            {
                await producer.FlushAsync(Cancelled);
            }
            catch (KafkaClientException refusal)
            {
                refusal.Error.ShouldBe(ErrorCode.KafkaStorageError);
                return done;
            }
        }

        return count;
    }

    private static async Task<List<int>> ReadAsync(KafkaClient client)
    {
        var end = (await client.ListOffsetsAsync([Partition], OffsetQueries.Latest, Cancelled))[Partition];
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(Partition, new Offset(0));
        var read = new List<int>();
        while (fetcher.Positions[Partition] < end)
        {
            using var result = await fetcher.FetchAsync(Cancelled);
            foreach (var fetched in result.Partitions)
            {
                fetched.Read((in record) =>
                    read.Add(int.Parse(record.Value.ToText()!.TrimEnd(), CultureInfo.InvariantCulture)));
            }
        }

        return read;
    }
}
