using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class BatchIndexTests
{
    private const int BatchesInBlock = 10;
    private const int BatchBytes = 100;

    [Fact]
    public void What_is_dropped_whole_is_not_read()
    {
        var index = new BatchIndex();
        for (int block = 0; block < 4; block++)
            index.Append(Unreadable(block));
        index.SizeBytes.ShouldBe(4 * BatchesInBlock * BatchBytes);

        Retention.FindStart(index, 0, expireBeforeMs: 10, null, limit: 4 * BatchesInBlock, writtenAtMs: _ => 0)
            .ShouldBe(4 * BatchesInBlock);
        index.Clear();
        index.SizeBytes.ShouldBe(0);
        index.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public async Task Retention_says_the_same_as_a_walk_through_all_batches()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        var random = new Random(1);
        var batches = new List<(long Offset, long Timestamp, int Size)>();
        for (int i = 0; i < 200; i++)
        {
            byte[] batch = TestBatches.Create(i, payloadBytes: 5000 + random.Next(1000), timestamp: i + random.Next(80));
            batches.Add((i, RecordBatchHeader.Read(batch).MaxTimestamp, batch.Length));
            log.Append(store, batch);
        }

        foreach (int start in new[] { 0, 20, 60, 131, 199 })
        {
            log.AdvanceLogStart(new Offset(start));
            batches.RemoveAll(batch => batch.Offset < start);
            log.SizeBytes.ShouldBe(batches.Sum(batch => (long)batch.Size));
            for (int limit = start; limit <= 200; limit += 7)
            {
                FindRetentionStart(100, null, limit);
                FindRetentionStart(null, 300_000, limit);
                FindRetentionStart(60, 700_000, limit);
            }
        }

        void FindRetentionStart(long? expireBeforeMs, long? retainBytes, long limit)
        {
            long left = batches.Sum(batch => (long)batch.Size);
            long expected = batches[0].Offset;
            foreach (var (offset, timestamp, size) in batches)
            {
                if (offset >= limit || !(timestamp < expireBeforeMs || left - size >= retainBytes))
                    break;
                left -= size;
                expected = offset + 1;
            }
            log.FindRetentionStart(expireBeforeMs, retainBytes, new Offset(limit)).Value.ShouldBe(expected);
        }
    }

    /// <summary>A block of ten batches whose timestamps are the block's number, and whose entries cannot be had.</summary>
    private static IndexBlock Unreadable(int block) => new(
        new JournalSegment(block, () => { }),
        file: null!,
        new SegmentIndexRecord(
            0, 0, BatchesInBlock, 0, long.MaxValue, BatchesInBlock * BatchBytes, MaxTimestamp: block, (block + 1) * BatchesInBlock));
}
