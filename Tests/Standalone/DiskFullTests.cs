using System.Globalization;
using System.Net;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
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

    private static readonly TopicPartition Busy = new(new TopicName("busy"), new PartitionIndex(0));

    private static readonly GroupId Group = new("readers");

    private readonly string _settings = Path.GetTempFileName();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_settings);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_full_disk_loses_nothing_that_was_acknowledged(bool othersTakeTheRest)
    {
        // Where nothing at all is left, either may be the first to find out.
        string[] reasons = othersTakeTheRest
            ? ["No space for the journal's next file", "No checkpoint could be taken"]
            : ["No space for the journal's next file"];
        await File.WriteAllTextAsync(_settings, Settings, Cancelled);
        using var disk = SmallDisk.TryMount(DiskMegabytes, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        var data = Path.Combine(disk.Directory, "data");
        int acknowledged;
        await using (var broker = Start(data))
        {
            var (kafka, http) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ProduceAsync(client, from: 0, count: 1)).ShouldBe(1);
            (await CommitAsync(client, 0)).ShouldBe(ErrorCode.None);
            if (othersTakeTheRest) disk.Fill();
            acknowledged = 1 + await ProduceAsync(client, from: 1, count: int.MaxValue);

            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            await ExpectRefusalsAsync(client);
            await ExpectNotReadyAsync(http, data);
            (await broker.TerminateAsync()).ShouldBe(1);
            var why = broker.Output.Where(line => Array.Exists(reasons, line.Contains)).ShouldHaveSingleItem();
            why.ShouldContain(data);
            why.ShouldNotContain(" at Loire.");
        }

        if (!othersTakeTheRest)
        {
            // In the last file there is no room for records.
            await using var readOnly = Start(data);
            var (kafka, http) = await readOnly.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            await ExpectRefusalsAsync(client);
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            await ExpectNotReadyAsync(http, data);
            (await readOnly.TerminateAsync()).ShouldBe(1);
        }

        disk.Grow(4 * DiskMegabytes);
        await using (var broker = Start(data))
        {
            var (kafka, _) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged));
            (await ProduceAsync(client, from: acknowledged, count: 200)).ShouldBe(200);
            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, acknowledged + 200));
            (await broker.TerminateAsync()).ShouldBe(0);
        }
    }

    /// <summary>A quiet topic's record in the first file keeps that file, and all behind it: what is deleted gives its space back
    /// all the same, without a start and after one.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_full_disk_makes_room_for_itself_when_a_topic_is_deleted(bool othersTakeTheRest, bool restart)
    {
        await File.WriteAllTextAsync(_settings, Settings, Cancelled);
        using var disk = SmallDisk.TryMount(2 * DiskMegabytes, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        var data = Path.Combine(disk.Directory, "data");
        await using (var broker = Start(data))
        {
            var (kafka, http) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            (await ProduceAsync(client, from: 0, count: 1)).ShouldBe(1);
            if (othersTakeTheRest) await FillJournalAsync(client, disk);
            await ProduceAsync(client, from: 0, count: int.MaxValue, Busy);
            await ExpectNotReadyAsync(http, data);
            if (!restart)
            {
                await DeleteAsync(client, Busy.Topic);
                await ExpectRoomAsync(broker, client);
            }

            (await broker.TerminateAsync()).ShouldBe(restart ? 1 : 0);
        }

        await using (var broker = Start(data))
        {
            var (kafka, _) = await broker.WaitUntilReadyAsync();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = kafka });
            if (restart)
            {
                (await ProduceAsync(client, from: 0, count: 1)).ShouldBe(0);
                await DeleteAsync(client, Busy.Topic);
                await ExpectRoomAsync(broker, client);
            }

            (await ReadAsync(client)).ShouldBe(Enumerable.Range(0, 201));
            (await broker.TerminateAsync()).ShouldBe(0);
        }
    }

    /// <summary>Fills all but the last of the files that the disk has room for, then has others take the rest.</summary>
    private static async Task FillJournalAsync(KafkaClient client, SmallDisk disk)
    {
        (await ProduceAsync(client, from: 0, count: 600, Busy)).ShouldBe(600);
        disk.Fill();
    }

    private static async Task DeleteAsync(KafkaClient client, TopicName topic)
    {
        var request = new DeleteTopicsRequest { TopicNames = [topic], TimeoutMs = 10_000 };
        var answer = await client.SendToControllerAsync<DeleteTopicsRequest, DeleteTopicsResponse>(
            request, Cancelled, highestVersion: 5);
        answer.Responses.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.None);
    }

    private static async Task ExpectRoomAsync(StandaloneProcess broker, KafkaClient client)
    {
        await broker.WaitForLineAsync("There is room for the journal");
        (await ProduceAsync(client, from: 1, count: 200)).ShouldBe(200);
    }

    private StandaloneProcess Start(string data) =>
        new("--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--config", _settings);

    private static async Task ExpectNotReadyAsync(string http, string data)
    {
        using var probe = new HttpClient();
        using var ready = await probe.GetAsync(http + "/health/ready", Cancelled);
        ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await ready.Content.ReadAsStringAsync(Cancelled)).ShouldContain(data);
    }

    /// <summary>Whatever needs the journal is refused, with an error that says so, and leaves nothing behind.</summary>
    private static async Task ExpectRefusalsAsync(KafkaClient client)
    {
        (await ProduceAsync(client, from: 0, count: 1)).ShouldBe(0);
        var creation = new CreateTopicsRequest
        {
            Topics = [new() { Name = new TopicName("one-more"), NumPartitions = 1, ReplicationFactor = 1 }],
            TimeoutMs = 10_000,
        };
        var created = (await client.SendToControllerAsync<CreateTopicsRequest, CreateTopicsResponse>(creation, Cancelled)).Topics;
        created.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.KafkaStorageError);
        (await client.GetMetadataAsync(null, allowAutoTopicCreation: false, Cancelled)).Topics
            .ShouldNotContain(topic => topic.Name == new TopicName("one-more"));

        // Kafka tells members to look for another coordinator.
        (await CommitAsync(client, 1)).ShouldBe(ErrorCode.NotCoordinator);
        (await client.FetchCommittedAsync(Group, Cancelled))[Partition].ShouldBe(new Offset(0));
    }

    private static async Task<ErrorCode> CommitAsync(KafkaClient client, long offset)
    {
        var coordinator = await client.GetCoordinatorConnectionAsync(Group, Cancelled);
        var request = new OffsetCommitRequest
        {
            GroupId = Group,
            Topics =
            [
                new()
                {
                    Name = Partition.Topic,
                    Partitions = [new() { PartitionIndex = Partition.Partition, CommittedOffset = new Offset(offset) }],
                },
            ],
        };

        // While its partition is loaded a coordinator is to be asked again.
        return await Eventually.AnswersAsync(CommitOnceAsync, error => error != ErrorCode.CoordinatorLoadInProgress);

        async Task<ErrorCode> CommitOnceAsync()
        {
            var answer = await coordinator.SendAsync<OffsetCommitRequest, OffsetCommitResponse>(request, Cancelled, highestVersion: 8);
            return answer.Topics.ShouldHaveSingleItem().Partitions.ShouldHaveSingleItem().ErrorCode;
        }
    }

    /// <summary>Produces numbers, one after the other, until one is refused.</summary>
    /// <returns>How many were acknowledged.</returns>
    private static async Task<int> ProduceAsync(KafkaClient client, int from, int count, TopicPartition? to = null)
    {
        var (topic, partition) = to ?? Partition;
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions { DeliveryTimeout = TimeSpan.Zero }, Cancelled);
        for (var done = 0; done < count; done++)
        {
            var value = Encoding.UTF8.GetBytes((from + done).ToString(CultureInfo.InvariantCulture).PadRight(20_000));
            await producer.AppendAsync(topic, partition, key: null, value, default, timestampMs: 1, Cancelled);
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
