using System.Buffers;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class ReadTests
{
    [Fact]
    public async Task Only_whole_batches_within_limit_and_size_are_read()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        for (int i = 0; i < 4; i++)
            log.Append(store, TestBatches.Create(i * 2, records: 2, payloadBytes: 1000));
        int size = TestBatches.Create(0, payloadBytes: 1000).Length;

        Read(0, 8, size * 10).ShouldBe((size * 4, 8));
        Read(0, 7, size * 10).ShouldBe((size * 3, 6));
        Read(3, 8, size * 2).ShouldBe((size * 2, 6));
        Read(3, 8, size - 1).ShouldBe((0, 3));
        Read(3, 8, 1, atLeastOne: true).ShouldBe((size, 4));
        Read(8, 8, size).ShouldBe((0, 8));
        log.Read(new Offset(9), new Offset(9), size, atLeastOne: true).Status.ShouldBe(LogReadStatus.OutOfRange);

        (int, long) Read(long from, long limit, int maxBytes, bool atLeastOne = false)
        {
            var read = log.Read(new Offset(from), new Offset(limit), maxBytes, atLeastOne);
            read.Status.ShouldBe(LogReadStatus.Ok);
            read.Records?.Release();
            return (read.SizeBytes, read.NextOffset.Value);
        }
    }

    [Fact]
    public async Task Readers_see_every_byte_as_appended_while_memory_goes_round_and_segments_fill()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        const int partitions = 3, batches = 500;
        var logs = Enumerable.Range(0, partitions).Select(p => store.Open(TestBatches.Partition(p), new RecordingObserver())).ToArray();

        var readers = logs.Select(log => Task.Run(() =>
        {
            var from = Offset.Zero;
            while (from.Value < batches)
            {
                var read = log.Read(from, log.LogEndOffset, 50_000, atLeastOne: true);
                if (read.Records is not { } records)
                {
                    Thread.Yield();
                    continue;
                }
                var output = new ArrayBufferWriter<byte>();
                int stretch = 1 + (int)(from.Value * 37 % 5000);
                var sink = new SteadySink(output, stretch);
                while (output.WrittenCount < records.SizeBytes)
                {
                    if (!records.TryGiveNext(sink, out _))
                        records.CopyNext(output, stretch).ShouldBeGreaterThan(0);
                }
                records.TryGiveNext(sink, out _).ShouldBeFalse();
                records.CopyNext(output, stretch).ShouldBe(0);
                records.Release();
                Verify(output.WrittenMemory, from.Value);
                from = read.NextOffset;
            }
        })).ToArray();
        for (int i = 0; i < batches; i++)
        {
            foreach (var log in logs)
                log.Append(store, TestBatches.Create(i, payloadBytes: 500 + (i % 500)));
        }
        await Task.WhenAll(readers).WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        foreach (var log in logs)
            Verify(log.ReadAll(), 0);
    }

    [Fact]
    public async Task The_largest_batch_fits()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        byte[] largest = TestBatches.Create(0, payloadBytes: store.MaxBatchBytes - RecordBatchHeader.SizeBytes);
        log.Append(store, largest);

        log.ReadAll().ShouldBe(largest);
        byte[] tooLarge = TestBatches.Create(1, payloadBytes: store.MaxBatchBytes + 1 - RecordBatchHeader.SizeBytes);
        Should.Throw<ArgumentException>(() => log.Append(store, tooLarge));
    }

    private static void Verify(ReadOnlyMemory<byte> bytes, long from)
    {
        while (!bytes.IsEmpty)
        {
            int size = RecordBatchHeader.Read(bytes.Span).TotalSizeBytes;
            int payload = 500 + (int)(from % 500);
            if (!bytes.Span[..size].SequenceEqual(TestBatches.Create(from, payloadBytes: payload)))
                throw new InvalidDataException($"The batch at offset {from} is not what was appended.");
            bytes = bytes[size..];
            from++;
        }
    }

    /// <summary>Takes a few bytes at a time, and insists that they stay what they are until it returns.</summary>
    private sealed class SteadySink(ArrayBufferWriter<byte> output, int bytesMax) : IRecordsSink
    {
        public int Take(ReadOnlySpan<byte> bytes)
        {
            var taken = bytes[..Math.Min(bytes.Length, bytesMax)];
            output.Write(taken);
            Thread.Yield();
            output.WrittenSpan[^taken.Length..].SequenceEqual(taken).ShouldBeTrue();
            return taken.Length;
        }
    }
}
