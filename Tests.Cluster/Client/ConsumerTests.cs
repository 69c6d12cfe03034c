using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

public sealed class ConsumerTests
{
    private const string Topic = "orders";

    private readonly FakeLoire _loire = new();
    private readonly ILoireClient _client;

    public ConsumerTests() => _client = _loire.CreateClient();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reading_starts_where_it_is_asked_to()
    {
        await WriteAsync(partitions: 1, count: 10);
        (await ReadAsync(StartPosition.Beginning, 10)).ShouldBe(Enumerable.Range(0, 10));
        (await ReadAsync(StartPosition.At(7), 3)).ShouldBe([7, 8, 9]);
        (await ReadAsync(StartPosition.Since(DateTimeOffset.FromUnixTimeMilliseconds(4_500)), 5)).ShouldBe([5, 6, 7, 8, 9]);
    }

    [Fact]
    public async Task From_the_end_only_what_comes_later_is_read()
    {
        await WriteAsync(partitions: 1, count: 5);
        var partition = _loire.Partition(Topic, 0);
        var reads = partition.Reads;
        var reading = ReadAsync(StartPosition.End, 1);
        await Eventually.IsTrueAsync(() => partition.Reads > reads);
        await WriteAsync(partitions: 1, count: 6, from: 5);
        (await reading).ShouldBe([5]);
    }

    [Fact]
    public async Task All_partitions_are_read_each_in_order()
    {
        await WriteAsync(partitions: 4, count: 200);
        var seen = new Dictionary<int, List<int>>();
        await foreach (var batch in _client.CreateConsumer(Topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            if (!seen.TryGetValue(batch.Partition, out var values))
                seen[batch.Partition] = values = [];
            values.AddRange(batch.Select(Value));
            if (seen.Values.Sum(list => list.Count) == 200)
                break;
        }
        seen.Values.ShouldAllBe(values => values.SequenceEqual(values.Order()));
        seen.Values.SelectMany(values => values).Order().ShouldBe(Enumerable.Range(0, 200));
    }

    [Fact]
    public async Task An_offset_that_is_gone_resets_or_ends_the_reading()
    {
        await WriteAsync(partitions: 1, count: 10);
        _loire.Partition(Topic, 0).DeleteBefore(6);
        (await ReadAsync(StartPosition.At(2), 4)).ShouldBe([6, 7, 8, 9]);
        var failure = await Should.ThrowAsync<LoireException>(
            ReadAsync(StartPosition.At(2), 4, new ConsumerOptions { OffsetReset = OffsetReset.Fail }));
        failure.Error.ShouldBe((short)ErrorCode.OffsetOutOfRange);
    }

    [Fact]
    public async Task Damage_ends_the_reading_and_is_named()
    {
        await WriteAsync(partitions: 1, count: 3);
        _loire.Partition(Topic, 0).Damage(batch: 1);
        var failure = await Should.ThrowAsync<LoireException>(ReadAsync(StartPosition.Beginning, 3));
        failure.Error.ShouldBe((short)ErrorCode.CorruptMessage);
        failure.Message.ShouldContain("orders-0");
        failure.Message.ShouldContain("offset 1");
    }

    [Fact]
    public async Task A_missing_topic_ends_the_reading()
    {
        var failure = await Should.ThrowAsync<LoireException>(ReadAsync(StartPosition.Beginning, 1));
        failure.Error.ShouldBe((short)ErrorCode.UnknownTopicOrPartition);
    }

    /// <summary>What counts is what lies in memory: zeros take up next to nothing as long as they are compressed.</summary>
    [Theory]
    [InlineData(CompressionCodec.None, 4)]
    [InlineData(CompressionCodec.Gzip, 100_000)]
    public async Task A_slow_reader_stops_the_prefetch(CompressionCodec codec, int sizeBytes)
    {
        _loire.AddTopic(Topic, 1);
        await using var producer = _client.CreateProducer(new ProducerOptions { Compression = codec });
        for (var i = 0; i < 100; i++)
            await producer.ProduceAsync(Topic, default(byte[]), new byte[sizeBytes], cancellationToken: Cancelled);
        var partition = _loire.Partition(Topic, 0);
        var options = new ConsumerOptions { FetchSizeBytes = 1, PrefetchSizeBytes = sizeBytes };
        var consumer = _client.CreateConsumer(Topic, StartPosition.Beginning, options);
        var reads = partition.Reads;
        var read = 0;
        await foreach (var batch in consumer.WithCancellation(Cancelled))
        {
            read += batch.Count;
            // The one that is handed out, one that is ready, one that waits for room, and one on its way.
            (partition.Reads - reads).ShouldBeLessThanOrEqualTo(read + 3);
            if (read == 100)
                break;
        }
        read.ShouldBe(100);
    }

    [Fact]
    public async Task One_consumer_has_one_reader_at_a_time()
    {
        await WriteAsync(partitions: 1, count: 1);
        var consumer = _client.CreateConsumer(Topic, StartPosition.Beginning);
        await using var first = consumer.GetAsyncEnumerator(Cancelled);
        (await first.MoveNextAsync()).ShouldBeTrue();
        await using var second = consumer.GetAsyncEnumerator(Cancelled);
        await Should.ThrowAsync<InvalidOperationException>(async () => await second.MoveNextAsync());
    }

    [Fact]
    public async Task Cancellation_ends_the_wait()
    {
        _loire.AddTopic(Topic, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        await using var reader = _client.CreateConsumer(Topic, StartPosition.Beginning).GetAsyncEnumerator(stop.Token);
        var waiting = reader.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
    }

    private static int Value(ConsumeRecord record) => BitConverter.ToInt32(record.Value!.Value.Span);

    /// <summary>One batch for each record; record i has the time i seconds.</summary>
    private async Task WriteAsync(int partitions, int count, int from = 0)
    {
        if (!_loire.Topic(Topic).Exists)
            _loire.AddTopic(Topic, partitions);
        await using var producer = _client.CreateProducer();
        for (var i = from; i < count; i++)
        {
            await producer.ProduceAsync(
                Topic,
                default(byte[]),
                BitConverter.GetBytes(i),
                timestamp: DateTimeOffset.FromUnixTimeMilliseconds(1_000L * i),
                cancellationToken: Cancelled);
        }
    }

    private async Task<List<int>> ReadAsync(StartPosition start, int count, ConsumerOptions? options = null)
    {
        var values = new List<int>();
        await foreach (var batch in _client.CreateConsumer(Topic, start, options).WithCancellation(Cancelled))
        {
            values.AddRange(batch.Select(Value));
            if (values.Count >= count)
                break;
        }
        return values;
    }
}
