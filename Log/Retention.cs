namespace Loire.Log;

/// <summary>Finds the log start that retention asks for. Under the partition's lock: so the entries of a block are read, which
/// may be on the disk, only where not all of it goes.</summary>
internal static class Retention
{
    public static long FindStart(
        BatchIndex index, long logStart, long? expireBeforeMs, long? retainBytes, long limit)
    {
        long start = logStart;
        long left = index.SizeBytes;
        for (var position = index.First; position.Block < index.Blocks.Count; position = new IndexPosition(position.Block + 1, 0))
        {
            var block = index.Blocks[position.Block];
            long sizeBytes = index.SizeBytesOf(position.Block);
            if (block.EndOffset <= limit && (block.MaxTimestamp < expireBeforeMs || left - sizeBytes >= retainBytes))
            {
                left -= sizeBytes;
                start = block.EndOffset;
                continue;
            }
            foreach (ref readonly var batch in block.Entries[position.Entry..])
            {
                bool goes = batch.MaxTimestamp < expireBeforeMs || left - batch.SizeBytes >= retainBytes;
                if (!goes || batch.NextOffset > limit)
                    return start;
                left -= batch.SizeBytes;
                start = batch.NextOffset;
            }
        }
        return start;
    }
}
