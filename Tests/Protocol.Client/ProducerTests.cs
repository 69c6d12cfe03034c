using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

public sealed class ProducerTests
{
    private static readonly TopicName Topic = new("t");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Records_reach_their_partitions_in_order()
    {
        await using var broker = new ScriptedBroker(partitions: 3);
        var log = new ConcurrentDictionary<int, List<string>>();
        broker.Answer<ProduceRequest>(request => Append(request, log));
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions { BatchSizeBytes = 500 }, Cancelled);
        var reports = new ConcurrentBag<DeliveryReport>();
        producer.OnDelivery = reports.Add;

        for (var i = 0; i < 300; i++)
            await AppendAsync(producer, i % 3, i);
        await producer.FlushAsync(Cancelled);

        for (var partition = 0; partition < 3; partition++)
            log[partition].Select(int.Parse).ShouldBe(Enumerable.Range(0, 100).Select(i => (i * 3) + partition));
        reports.Sum(report => report.RecordsCount).ShouldBe(300);
        reports.ShouldAllBe(report => report.Failure == null);
    }

    [Fact]
    public async Task Batches_that_fail_for_a_moment_are_sent_again_in_order()
    {
        await using var broker = new ScriptedBroker();
        var log = new ConcurrentDictionary<int, List<string>>();
        var requests = 0;
        broker.Answer<ProduceRequest>(request =>
            Interlocked.Increment(ref requests) is 2 or 3 or 5 ? Refuse(request, ErrorCode.NotLeaderOrFollower) : Append(request, log));
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        // One batch in flight: without idempotence only this keeps the order when one of several fails.
        var options = new ProducerOptions { BatchSizeBytes = 500, InFlightMax = 1 };
        await using var producer = await Producer.CreateAsync(client, options, Cancelled);

        for (var i = 0; i < 100; i++)
            await AppendAsync(producer, 0, i);
        await producer.FlushAsync(Cancelled);
        log[0].Select(int.Parse).ShouldBe(Enumerable.Range(0, 100));
        requests.ShouldBeGreaterThan(5);
    }

    [Fact]
    public async Task Batches_that_wait_for_a_connection_leave_in_order()
    {
        const int partitions = 50, records = 20;
        await using var broker = new ScriptedBroker(partitions);
        var log = new ConcurrentDictionary<int, List<string>>();
        broker.Answer<ProduceRequest>(request => Append(request, log));
        for (var round = 0; round < 5; round++)
        {
            log.Clear();
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
            await using var producer = await Producer.CreateAsync(client, new ProducerOptions { BatchSizeBytes = 100 }, Cancelled);
            await Task.WhenAll(Enumerable.Range(0, partitions).Select(async partition =>
            {
                for (var i = 0; i < records; i++) await AppendAsync(producer, partition, i);
            }));
            await producer.FlushAsync(Cancelled);
            for (var partition = 0; partition < partitions; partition++)
                log[partition].Select(int.Parse).ShouldBe(Enumerable.Range(0, records));
        }
    }

    [Fact]
    public async Task The_first_batch_of_an_idempotent_producer_travels_alone()
    {
        await using var broker = new ScriptedBroker();
        var log = new ConcurrentDictionary<int, List<string>>();
        var held = new TaskCompletionSource();
        var requests = 0;
        broker.Answer<InitProducerIdRequest>(_ => new InitProducerIdResponse { ProducerId = new ProducerId(77), ProducerEpoch = 2 });
        broker.AnswerLater<ProduceRequest>(async request =>
        {
            Interlocked.Increment(ref requests);
            await held.Task;
            return Append(request, log);
        });
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions { IsIdempotent = true }, Cancelled);
        await AppendAsync(producer, 0, 0);
        await Eventually.IsTrueAsync(() => requests == 1);
        await AppendAsync(producer, 0, 1);
        var flushed = producer.FlushAsync(Cancelled);

        // What else the connection carries is answered, so a second batch would have come, too.
        for (var i = 0; i < 10; i++) await client.GetMetadataAsync([Topic], allowAutoTopicCreation: false, Cancelled);
        requests.ShouldBe(1);
        held.SetResult();
        await flushed;
        log[0].ShouldBe(["0", "1"]);
    }

    [Fact]
    public async Task A_partition_without_a_leader_keeps_nothing_from_the_others()
    {
        await using var broker = new ScriptedBroker();
        var log = new ConcurrentDictionary<int, List<string>>();
        broker.Answer<MetadataRequest>(_ => new MetadataResponse
        {
            ControllerId = new NodeId(1),
            Brokers = [new() { NodeId = new NodeId(1), Host = "127.0.0.1", Port = broker.Port }],
            Topics =
            [
                new()
                {
                    Name = Topic,
                    Partitions =
                    [
                        new() { PartitionIndex = new(0), LeaderId = NodeId.None, ErrorCode = ErrorCode.LeaderNotAvailable },
                        new() { PartitionIndex = new(1), LeaderId = new NodeId(1) },
                    ],
                },
            ],
        });
        broker.Answer<ProduceRequest>(request => Append(request, log));
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);

        for (var i = 0; i < 2000; i++)
            await producer.AppendAsync(Topic, partition: null, key: null, "x"u8.ToArray(), default, timestampMs: 1, Cancelled);
        await AppendAsync(producer, 1, 2000);
        await producer.FlushAsync(Cancelled);
        log.Keys.ShouldBe([1]);
        log[1].Count.ShouldBe(2001);
    }

    [Fact]
    public async Task A_lasting_error_fails_the_flush_and_names_the_partition()
    {
        await using var broker = new ScriptedBroker();
        broker.Answer<ProduceRequest>(request => Refuse(request, ErrorCode.MessageTooLarge));
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);

        await AppendAsync(producer, 0, 1);
        var exception = await Should.ThrowAsync<KafkaClientException>(producer.FlushAsync(Cancelled));
        exception.Error.ShouldBe(ErrorCode.MessageTooLarge);
        exception.Message.ShouldContain("t-0");
        await producer.FlushAsync(Cancelled);
    }

    [Fact]
    public async Task Idempotent_batches_carry_running_sequences()
    {
        await using var broker = new ScriptedBroker();
        var headers = new ConcurrentQueue<RecordBatchHeader>();
        broker.Answer<InitProducerIdRequest>(_ => new InitProducerIdResponse { ProducerId = new ProducerId(77), ProducerEpoch = 2 });
        broker.Answer<ProduceRequest>(request =>
        {
            var bytes = request.TopicData.Single().PartitionData.Single().Records.Bytes;
            RecordBatchValidator.ValidateHeader(bytes, out var header).ShouldBe(RecordBatchStatus.Valid);
            headers.Enqueue(header);
            return Refuse(request, ErrorCode.None);
        });
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address });
        var options = new ProducerOptions { IsIdempotent = true, BatchSizeBytes = 300 };
        await using var producer = await Producer.CreateAsync(client, options, Cancelled);

        for (var i = 0; i < 50; i++)
            await AppendAsync(producer, 0, i);
        await producer.FlushAsync(Cancelled);

        var expected = 0;
        foreach (var header in headers)
        {
            header.ProducerId.Value.ShouldBe(77);
            header.ProducerEpoch.ShouldBe((short)2);
            header.BaseSequence.ShouldBe(expected);
            expected += header.RecordsCount;
        }
        expected.ShouldBe(50);
    }

    private static ValueTask AppendAsync(Producer producer, int partition, int value) =>
        producer.AppendAsync(
            Topic,
            new PartitionIndex(partition),
            key: null,
            Encoding.UTF8.GetBytes(value.ToString(CultureInfo.InvariantCulture)),
            ReadOnlyMemory<RecordHeader>.Empty,
            timestampMs: 1,
            Cancelled);

    private static ProduceResponse Append(ProduceRequest request, ConcurrentDictionary<int, List<string>> log)
    {
        var data = request.TopicData.Single().PartitionData.Single();
        var records = log.GetOrAdd(data.Index.Value, _ => []);
        lock (records)
        {
            var batches = new RecordBatchReader(data.Records.Bytes);
            while (batches.TryRead(out var header, out var payload))
            {
                using var reader = new RecordReader(header, payload);
                while (reader.TryRead(out var record))
                    records.Add(record.Value.ToText()!);
            }
        }
        return Refuse(request, ErrorCode.None);
    }

    private static ProduceResponse Refuse(ProduceRequest request, ErrorCode error) => new()
    {
        Responses = [new()
        {
            Name = Topic,
            PartitionResponses = [new() { Index = request.TopicData.Single().PartitionData.Single().Index, ErrorCode = error }],
        }],
    };
}
