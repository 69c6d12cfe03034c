using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

/// <summary>What becomes of an idempotent producer's sequence when a batch is given up.</summary>
public sealed class IdempotenceTests
{
    private static readonly TopicName Topic = new("t");
    private static readonly TopicPartition Partition = new(Topic, new PartitionIndex(0));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_follows_a_refused_batch_is_delivered_in_order()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.BootstrapServers });
        var topic = new CreateTopicsRequest.CreatableTopic { Name = Topic, NumPartitions = 1, ReplicationFactor = 1 };
        topic.Configs.Add(new() { Name = "max.message.bytes", Value = "1000" });
        await client.SendToControllerAsync<CreateTopicsRequest, CreateTopicsResponse>(
            new CreateTopicsRequest { Topics = [topic] }, Cancelled);
        var options = new ProducerOptions { IsIdempotent = true, BatchSizeBytes = 300 };
        await using var producer = await Producer.CreateAsync(client, options, Cancelled);
        var reports = new ConcurrentBag<DeliveryReport>();
        producer.OnDelivery = reports.Add;

        var written = new List<string>();
        for (var i = 0; i < 200; i++)
        {
            if (i is 20 or 21 or 120)
                await AppendAsync(producer, new string('x', 5000));
            written.Add(i.ToString(CultureInfo.InvariantCulture));
            await AppendAsync(producer, written[^1]);
        }

        (await Should.ThrowAsync<KafkaClientException>(producer.FlushAsync(Cancelled))).Error.ShouldBe(ErrorCode.MessageTooLarge);
        reports.Where(report => report.Failure is not null)
            .Select(report => (report.RecordsCount, report.Failure!.Error))
            .ShouldBe(Enumerable.Repeat((1, ErrorCode.MessageTooLarge), 3));
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(Partition, Offset.Zero);
        var read = new List<string>();
        while (read.Count < written.Count)
        {
            using var result = await fetcher.FetchAsync(Cancelled);
            foreach (var fetched in result.Partitions)
                fetched.Read((in record) => read.Add(record.Value.ToText()!));
        }

        read.ShouldBe(written);
    }

    [Theory]
    [InlineData(ErrorCode.None)]
    [InlineData(ErrorCode.OutOfOrderSequenceNumber)]
    public async Task A_batch_that_may_be_in_the_log_keeps_its_number_until_the_leader_denies_it(ErrorCode secondTime)
    {
        await using var broker = new ScriptedBroker();
        var received = new ConcurrentQueue<(short Epoch, int Sequence)>();
        var held = new TaskCompletionSource();
        broker.Answer<InitProducerIdRequest>(_ => new InitProducerIdResponse { ProducerId = new ProducerId(77), ProducerEpoch = 2 });
        broker.AnswerLater<ProduceRequest>(async request =>
        {
            var bytes = request.TopicData.Single().PartitionData.Single().Records.Bytes;
            RecordBatchValidator.ValidateHeader(bytes, out var header).ShouldBe(RecordBatchStatus.Valid);
            received.Enqueue((header.ProducerEpoch, header.BaseSequence));
            var number = received.Count;
            if (number is 2 or 3)
                await held.Task;
            return Answer(number switch
            {
                2 or 3 => ErrorCode.RequestTimedOut,
                4 => secondTime,
                _ => ErrorCode.None,
            });
        });
        var time = new FakeTime();
        await using var client = new KafkaClient(new KafkaClientOptions
        {
            BootstrapServers = broker.Address,
            RequestTimeout = TimeSpan.FromHours(1),
            TimeProvider = time,
        });
        await using var producer = await Producer.CreateAsync(client, new ProducerOptions { IsIdempotent = true }, Cancelled);
        await AppendAsync(producer, "a");
        await producer.FlushAsync(Cancelled);

        // The second is given up when its answer comes; the third has time left.
        await AppendAsync(producer, "b");
        time.Advance(producer.Options.DeliveryTimeout - TimeSpan.FromSeconds(1));
        await AppendAsync(producer, "c");
        var flushed = producer.FlushAsync(Cancelled);
        await Eventually.IsTrueAsync(() => received.Count == 3);
        time.Advance(TimeSpan.FromSeconds(1));
        held.SetResult();
        List<(short, int)> expected = [(2, 0), (2, 1), (2, 2), (2, 2)];
        if (secondTime != ErrorCode.None)
            expected.Add((3, 0));
        await Eventually.IsTrueAsync(() =>
        {
            time.AdvanceMs(10);
            return received.Count == expected.Count;
        });
        (await Should.ThrowAsync<KafkaClientException>(flushed)).Error.ShouldBe(ErrorCode.RequestTimedOut);
        await AppendAsync(producer, "d");
        await producer.FlushAsync(Cancelled);
        var (epoch, sequence) = expected[^1];
        received.ShouldBe([.. expected, (epoch, sequence + 1)]);
    }

    private static ValueTask AppendAsync(Producer producer, string value) => producer.AppendAsync(
        Topic,
        Partition.Partition,
        key: null,
        Encoding.UTF8.GetBytes(value),
        ReadOnlyMemory<RecordHeader>.Empty,
        timestampMs: 1,
        Cancelled);

    private static ProduceResponse Answer(ErrorCode error) => new()
    {
        Responses = [new() { Name = Topic, PartitionResponses = [new() { Index = Partition.Partition, ErrorCode = error }] }],
    };
}
