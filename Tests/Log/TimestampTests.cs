using System.Buffers;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class TimestampTests
{
    [Theory]
    [InlineData(CompressionCodec.None)]
    [InlineData(CompressionCodec.Gzip)]
    public async Task Records_are_found_by_timestamp_inside_batches(CompressionCodec codec)
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        // Out of order on purpose: the first record at or after a time is by offset, not by time.
        Append([100, 300, 200]);
        Append([150, 160]);
        Append([400, 350]);

        Find(50).ShouldBe((0, 100));
        Find(100).ShouldBe((0, 100));
        Find(201).ShouldBe((1, 300));
        Find(301).ShouldBe((5, 400));
        Find(401).ShouldBeNull();
        log.FindMaxTimestamp(log.LogEndOffset).ShouldBe(new TimestampedOffset(new Offset(5), 400, LeaderEpoch.Zero));
        log.FindMaxTimestamp(new Offset(5)).ShouldBe(new TimestampedOffset(new Offset(1), 300, LeaderEpoch.Zero));

        log.AdvanceLogStart(new Offset(2));
        Find(50).ShouldBe((2, 200));
        Find(201).ShouldBe((5, 400));
        log.FindRetentionStart(161, null, log.LogEndOffset).ShouldBe(new Offset(2));
        log.FindRetentionStart(301, null, log.LogEndOffset).ShouldBe(new Offset(5));
        log.FindRetentionStart(301, null, new Offset(3)).ShouldBe(new Offset(3));
        log.FindRetentionStart(null, 1, log.LogEndOffset).ShouldBe(new Offset(5));
        log.FindRetentionStart(null, log.SizeBytes, log.LogEndOffset).ShouldBe(new Offset(2));

        (long, long)? Find(long timestamp) =>
            log.FindByTimestamp(timestamp, log.LogEndOffset) is { } found ? (found.Offset.Value, found.TimestampMs) : null;

        void Append(long[] timestamps)
        {
            using var builder = new RecordBatchBuilder { Codec = codec };
            foreach (long timestamp in timestamps)
                builder.Append(timestamp, default, "value"u8);
            var output = new ArrayBufferWriter<byte>();
            builder.Build(output, log.LogEndOffset);
            byte[] batch = output.WrittenSpan.ToArray();
            RecordBatchHeader.Assign(batch, log.LogEndOffset, LeaderEpoch.Zero);
            log.Append(store, batch);
        }
    }

    [Theory]
    [InlineData(15 << 20, 1)]
    [InlineData(17 << 20, 0)]
    public void A_batch_that_inflates_to_more_than_is_looked_into_is_found_as_a_whole(int firstValueBytes, long offset)
    {
        using var builder = new RecordBatchBuilder { Codec = CompressionCodec.Gzip };
        builder.Append(100, default, new byte[firstValueBytes]);
        builder.Append(200, default, "value"u8);
        builder.Append(300, default, "value"u8);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output, Offset.Zero);
        output.WrittenCount.ShouldBeLessThan(1 << 20);

        Find(timestamp: 200, from: 0, limit: 3).ShouldBe(offset);
        Find(timestamp: 300, from: 2, limit: 3).ShouldBe(2);
        Find(timestamp: 301, from: 0, limit: 3).ShouldBeNull();
        Find(timestamp: 300, from: 3, limit: 3).ShouldBeNull();

        long? Find(long timestamp, long from, long limit) =>
            BatchTimestamps.FindFirst(output.WrittenMemory, timestamp, new Offset(from), new Offset(limit))?.Offset.Value;
    }

    [Fact]
    public async Task Batches_without_timestamps_are_as_old_as_the_file_that_holds_them()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        log.Append(store, TestBatches.Create(0, timestamp: -1));
        var end = log.LogEndOffset;
        await Eventually.IsTrueAsync(() => log.DurableEndOffset == end);

        var file = Directory.EnumerateFiles(directory.Journal, "*.journal").Order().First();
        long writtenAtMs = new DateTimeOffset(File.GetLastWriteTimeUtc(file)).ToUnixTimeMilliseconds();
        log.FindRetentionStart(writtenAtMs, null, end).ShouldBe(Offset.Zero);
        log.FindRetentionStart(writtenAtMs + 1, null, end).ShouldBe(end);
    }

    [Fact]
    public async Task The_largest_timestamp_is_found_in_whatever_file_between_log_start_and_limit()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        var random = new Random(1);
        long[] timestamps = [.. Enumerable.Range(0, 150).Select(_ => (long)random.Next(1000))];
        foreach (long timestamp in timestamps)
        {
            using var builder = new RecordBatchBuilder();
            builder.Append(timestamp, default, new byte[5000]);
            var output = new ArrayBufferWriter<byte>();
            builder.Build(output, log.LogEndOffset);
            log.Append(store, output.WrittenSpan.ToArray());
        }

        foreach (int start in new[] { 0, 30, 75, 149 })
        {
            log.AdvanceLogStart(new Offset(start));
            for (int limit = start; limit <= timestamps.Length; limit++)
            {
                long[] between = timestamps[start..limit];
                long? expected = between.Length == 0 ? null : start + Array.IndexOf(between, between.Max());
                long? found = log.FindMaxTimestamp(new Offset(limit))?.Offset.Value;
                found.ShouldBe(expected, $"from {start} to {limit}");
            }
        }
    }
}
