using System.Text;
using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

public sealed class ProducerTests
{
    private const string Topic = "orders";

    private readonly FakeLoire _loire = new();
    private readonly ILoireClient _client;

    public ProducerTests() => _client = _loire.CreateClient();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_record_is_answered_with_its_place()
    {
        _loire.AddTopic(Topic, 3);
        await using var producer = _client.CreateProducer();
        var first = await producer.ProduceAsync(Topic, "key"u8.ToArray(), "one"u8.ToArray(), cancellationToken: Cancelled);
        var second = await producer.ProduceAsync(Topic, "key"u8.ToArray(), "two"u8.ToArray(), cancellationToken: Cancelled);
        first.ShouldBe(new RecordPosition(Topic, Murmur2.PartitionOf("key"u8, 3).Value, 0));
        second.ShouldBe(first with { Offset = 1 });
    }

    [Fact]
    public async Task Records_that_come_while_one_is_under_way_travel_together_and_in_order()
    {
        var partition = OnePartition();
        var held = new TaskCompletionSource();
        partition.OnNextAppend(async append =>
        {
            await held.Task;
            return append();
        });
        await using var producer = _client.CreateProducer();
        var answers = Enumerable.Range(0, 100).Select(i => ProduceAsync(producer, i)).ToList();
        held.SetResult();
        (await Task.WhenAll(answers)).Select(answer => answer.Offset).ShouldBe(Enumerable.Range(0, 100).Select(i => (long)i));
        partition.BatchSizes.Count.ShouldBeLessThan(10);
        (await ReadAllAsync(100)).ShouldBe(Enumerable.Range(0, 100));
    }

    [Fact]
    public async Task Lingering_records_leave_when_the_batch_is_full_or_flushed()
    {
        var partition = OnePartition();
        await using var producer = _client.CreateProducer(
            new ProducerOptions { Linger = TimeSpan.FromHours(1), BatchSizeBytes = 400, BufferSizeBytes = 100_000 });
        var answers = Enumerable.Range(0, 40).Select(i => ProduceAsync(producer, i)).ToList();
        await answers[0];
        answers[^1].IsCompleted.ShouldBeFalse();
        await producer.FlushAsync(Cancelled);
        await Task.WhenAll(answers);
        partition.BatchSizes.Count.ShouldBeGreaterThan(1);
        partition.BatchSizes.Sum().ShouldBe(40);
    }

    [Fact]
    public async Task A_flush_takes_along_what_still_waits_for_its_topic()
    {
        var partition = OnePartition();
        var hidden = new TaskCompletionSource();
        _loire.Topic(Topic).Hidden = hidden.Task;
        await using var producer = _client.CreateProducer(new ProducerOptions { Linger = TimeSpan.FromHours(1) });
        var answers = Enumerable.Range(0, 10).Select(i => ProduceAsync(producer, i)).ToList();
        var flush = producer.FlushAsync(Cancelled);
        flush.IsCompleted.ShouldBeFalse();
        hidden.SetResult();
        await flush;
        partition.BatchSizes.Sum().ShouldBe(10);
        await Task.WhenAll(answers);
    }

    [Fact]
    public async Task What_lingers_makes_room_when_the_buffer_is_full()
    {
        var partition = OnePartition();
        await using var producer = _client.CreateProducer(
            new ProducerOptions { Linger = TimeSpan.FromHours(1), BatchSizeBytes = 10_000, BufferSizeBytes = 10_000 });
        var answers = Enumerable.Range(0, 1_000).Select(i => ProduceAsync(producer, i)).ToList();
        await answers[100];
        await Eventually.IsTrueAsync(() => partition.BatchSizes.Sum() > 500);
        await producer.FlushAsync(Cancelled);
        await Task.WhenAll(answers);
        (await ReadAllAsync(1_000)).ShouldBe(Enumerable.Range(0, 1_000));
    }

    [Fact]
    public async Task A_batch_whose_answer_is_lost_is_written_once()
    {
        var partition = OnePartition();
        partition.OnNextAppend(append =>
        {
            append();
            throw new TimeoutException("the answer is lost");
        });
        partition.OnNextAppend(_ => Task.FromResult(FakePartition.Refusal(ErrorCode.NotLeaderOrFollower)));
        await using var producer = _client.CreateProducer();
        var answers = Enumerable.Range(0, 10).Select(i => ProduceAsync(producer, i)).ToList();
        (await Task.WhenAll(answers)).Select(answer => answer.Offset).ShouldBe(Enumerable.Range(0, 10).Select(i => (long)i));
        partition.Appends.ShouldBeGreaterThanOrEqualTo(3);
        (await ReadAllAsync(10)).ShouldBe(Enumerable.Range(0, 10));
    }

    [Fact]
    public async Task A_leader_that_is_silent_is_waited_for_as_long_as_it_leads()
    {
        var partition = OnePartition();
        await using var producer = _client.CreateProducer();
        await ProduceAsync(producer, 0);
        var answer = new TaskCompletionSource<AppendAnswer>();
        partition.OnNextAppend(async append => await answer.Task);
        var produced = ProduceAsync(producer, 1);
        await Eventually.IsTrueAsync(() => _loire.Topic(Topic).Descriptions > 3);
        produced.IsCompleted.ShouldBeFalse();
        partition.Appends.ShouldBe(2);

        _loire.Topic(Topic).Elect();
        (await produced).Offset.ShouldBe(1);
        (await ReadAllAsync(2)).ShouldBe([0, 1]);
    }

    [Fact]
    public async Task A_record_that_nobody_acknowledges_is_answered_when_it_is_on_its_way_and_keeps_its_place()
    {
        var partition = OnePartition();
        var held = new TaskCompletionSource();
        partition.OnNextAppend(async append =>
        {
            await held.Task;
            return append();
        });
        await using var producer = _client.CreateProducer(new ProducerOptions { Acks = Acks.None, IsIdempotent = false });
        (await ProduceAsync(producer, 0)).ShouldBe(new RecordPosition(Topic, 0, -1));
        partition.End.ShouldBe(0);

        var answers = Enumerable.Range(1, 19).Select(i => ProduceAsync(producer, i)).ToList();
        held.SetResult();
        (await Task.WhenAll(answers)).ShouldAllBe(answer => answer.Offset == -1);
        (await ReadAllAsync(20)).ShouldBe(Enumerable.Range(0, 20));
    }

    /// <summary>Buffers are used again, but not those of a call that failed: it may still arrive.</summary>
    [Fact]
    public async Task A_call_that_arrives_late_finds_its_batch_as_it_was()
    {
        var partition = OnePartition();
        Func<AppendAnswer>? late = null;
        partition.OnNextAppend(append =>
        {
            late = append;
            throw new TimeoutException("it is not known what became of it");
        });
        await using var producer = _client.CreateProducer(new ProducerOptions { IsIdempotent = false });
        for (var i = 0; i < 20; i++)
            await ProduceAsync(producer, i);
        late!().Error.ShouldBe((short)ErrorCode.None);
        (await ReadAllAsync(21)).ShouldBe([.. Enumerable.Range(0, 20), 0]);
    }

    [Fact]
    public async Task A_leader_that_forgot_the_sequence_gets_a_new_one()
    {
        var partition = OnePartition();
        await using var producer = _client.CreateProducer();
        await ProduceAsync(producer, 0);
        partition.ForgetProducers(expectedSequence: 77);
        (await ProduceAsync(producer, 1)).Offset.ShouldBe(1);
        (await ProduceAsync(producer, 2)).Offset.ShouldBe(2);
        (await ReadAllAsync(3)).ShouldBe([0, 1, 2]);
    }

    [Fact]
    public async Task What_is_not_acknowledged_in_time_fails_and_what_comes_after_is_written()
    {
        var partition = OnePartition();
        partition.OnNextAppend(_ => Task.FromResult(FakePartition.Refusal(ErrorCode.NotEnoughReplicas)));
        await using var producer = _client.CreateProducer(new ProducerOptions { DeliveryTimeout = TimeSpan.Zero });
        var failure = await Should.ThrowAsync<LoireException>(ProduceAsync(producer, 0));
        failure.Error.ShouldBe((short)ErrorCode.RequestTimedOut);
        failure.Message.ShouldContain("orders-0");
        failure.Message.ShouldContain("NotEnoughReplicas");
        (await ProduceAsync(producer, 1)).Offset.ShouldBe(0);
    }

    [Fact]
    public async Task What_is_refused_fails_at_once()
    {
        var partition = OnePartition();
        partition.OnNextAppend(_ => Task.FromResult(FakePartition.Refusal(ErrorCode.MessageTooLarge)));
        await using var producer = _client.CreateProducer();
        (await Should.ThrowAsync<LoireException>(ProduceAsync(producer, 0))).Error.ShouldBe((short)ErrorCode.MessageTooLarge);
        partition.Appends.ShouldBe(1);
    }

    [Fact]
    public async Task A_missing_topic_is_named_or_created()
    {
        await using var strict = _client.CreateProducer();
        var failure = await Should.ThrowAsync<LoireException>(ProduceAsync(strict, 0));
        failure.Error.ShouldBe((short)ErrorCode.UnknownTopicOrPartition);
        failure.Message.ShouldContain("'orders'");

        await using var creating = _client.CreateProducer(new ProducerOptions { CreatesTopics = true });
        (await ProduceAsync(creating, 0)).Offset.ShouldBe(0);
    }

    [Fact]
    public async Task A_partition_that_the_topic_does_not_have_is_refused()
    {
        _loire.AddTopic(Topic, 2);
        await using var producer = _client.CreateProducer();
        var failure = await Should.ThrowAsync<LoireException>(
            producer.ProduceAsync(Topic, default(byte[]), [1], partition: 2, cancellationToken: Cancelled).AsTask());
        failure.Error.ShouldBe((short)ErrorCode.UnknownTopicOrPartition);
    }

    [Fact]
    public async Task Producing_waits_while_the_buffer_is_full_and_can_be_cancelled()
    {
        var partition = OnePartition();
        var held = new TaskCompletionSource();
        partition.OnNextAppend(async append =>
        {
            await held.Task;
            return append();
        });
        await using var producer = _client.CreateProducer(
            new ProducerOptions { BatchSizeBytes = 1_000, BufferSizeBytes = 10_000 });
        var large = producer.ProduceAsync(Topic, default(byte[]), new byte[9_000], cancellationToken: Cancelled).AsTask();
        using var impatient = new CancellationTokenSource();
        var cancelled = producer.ProduceAsync(Topic, default(byte[]), new byte[5_000], cancellationToken: impatient.Token).AsTask();
        var waiting = producer.ProduceAsync(Topic, default(byte[]), new byte[6_000], cancellationToken: Cancelled).AsTask();
        await impatient.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(cancelled);
        waiting.IsCompleted.ShouldBeFalse();
        held.SetResult();
        (await large).Offset.ShouldBe(0);
        (await waiting).Offset.ShouldBe(1);
    }

    [Fact]
    public async Task Records_without_a_key_spread_over_the_partitions()
    {
        _loire.AddTopic(Topic, 4);
        await using var producer = _client.CreateProducer();
        for (var i = 0; i < 20; i++)
            await ProduceAsync(producer, i);
        Enumerable.Range(0, 4).Select(i => _loire.Partition(Topic, i).End).ShouldAllBe(end => end > 0);
    }

    [Fact]
    public async Task Disposal_delivers_what_lingers_and_ends_the_producer()
    {
        var partition = OnePartition();
        var producer = _client.CreateProducer(new ProducerOptions { Linger = TimeSpan.FromHours(1) });
        var answer = ProduceAsync(producer, 0);
        await producer.DisposeAsync();
        (await answer).Offset.ShouldBe(0);
        partition.End.ShouldBe(1);
        await Should.ThrowAsync<ObjectDisposedException>(async () => await ProduceAsync(producer, 1));
    }

    [Theory]
    [InlineData(CompressionCodec.None)]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    public async Task Whatever_the_codec_what_is_read_is_what_was_written(CompressionCodec codec)
    {
        OnePartition();
        await using (var producer = _client.CreateProducer(new ProducerOptions { Compression = codec }))
        {
            await producer.ProduceAsync(
                Topic,
                default(byte[]),
                Encoding.UTF8.GetBytes(new string('x', 5_000)),
                new[] { new RecordHeader("origin", "test"u8.ToArray()), new RecordHeader("empty", null) },
                timestamp: DateTimeOffset.FromUnixTimeMilliseconds(1234),
                cancellationToken: Cancelled);
        }
        await foreach (var batch in _client.CreateConsumer(Topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            var record = batch.ShouldHaveSingleItem();
            record.Key.ShouldBeNull();
            Encoding.UTF8.GetString(record.Value!.Value.Span).ShouldBe(new string('x', 5_000));
            record.TimestampMs.ShouldBe(1234);
            var headers = record.Headers.ToArray();
            headers.Select(header => header.Name).ShouldBe(["origin", "empty"]);
            headers[0].Value!.Value.ToArray().ShouldBe("test"u8.ToArray());
            headers[1].Value.ShouldBeNull();
            break;
        }
    }

    private FakePartition OnePartition()
    {
        _loire.AddTopic(Topic, 1);
        return _loire.Partition(Topic, 0);
    }

    private static Task<RecordPosition> ProduceAsync(LoireProducer producer, int value) => producer
        .ProduceAsync(Topic, default(byte[]), BitConverter.GetBytes(value), cancellationToken: Cancelled).AsTask();

    private async Task<List<int>> ReadAllAsync(int count)
    {
        var values = new List<int>();
        await foreach (var batch in _client.CreateConsumer(Topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            values.AddRange(batch.Select(record => BitConverter.ToInt32(record.Value!.Value.Span)));
            if (values.Count >= count)
                break;
        }
        return values;
    }
}
