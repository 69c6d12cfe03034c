namespace Loire.Log;

/// <summary>Finds the log start that retention asks for. Under the partition's lock: so the entries of a block are read, which
/// may be on the disk, only where not all of it goes.</summary>
internal static class Retention
{
    /// <param name="writtenAtMs">When a segment was last written to: batches without timestamps are as old as that, as in
    /// Kafka.</param>
    public static long FindStart(
        BatchIndex index, long logStart, long? expireBeforeMs, long? retainBytes, long limit, Func<int, long> writtenAtMs)
    {
        long start = logStart;
        long left = index.SizeBytes;
        for (var position = index.First; position.Block < index.Blocks.Count; position = new IndexPosition(position.Block + 1, 0))
        {
            var block = index.Blocks[position.Block];
            long sizeBytes = index.SizeBytesOf(position.Block);
            if (block.EndOffset <= limit && (IsExpired(block.MaxTimestamp) || left - sizeBytes >= retainBytes))
            {
                left -= sizeBytes;
                start = block.EndOffset;
                continue;
            }
            foreach (ref readonly var batch in block.Entries[position.Entry..])
            {
                bool goes = IsExpired(batch.MaxTimestamp) || left - batch.SizeBytes >= retainBytes;
                if (!goes || batch.NextOffset > limit)
                    return start;
                left -= batch.SizeBytes;
                start = batch.NextOffset;
            }

            bool IsExpired(long maxTimestamp) =>
                expireBeforeMs is { } limitMs && (maxTimestamp >= 0 ? maxTimestamp : writtenAtMs(block.Segment.Number)) < limitMs;
        }
        return start;
    }
}
