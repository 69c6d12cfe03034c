using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Log;

/// <summary>Finds records by timestamp: the index tells the batch, the batch's records tell the offset.</summary>
internal static class TimestampLookup
{
    public static TimestampedOffset? FindFirst(PartitionLog log, long timestampMs, Offset limit)
    {
        long from = log.LogStartOffset.Value;
        while (log.Inspect((timestampMs, from), (index, state) => FindBatch(index, state.from, state.timestampMs)) is { } batch)
        {
            if (batch.BaseOffset >= limit.Value)
                return null;
            if (FindRecord(log, batch, timestampMs, limit) is { } found)
                return found;
            from = batch.NextOffset;
        }
        return null;
    }

    public static TimestampedOffset? FindMax(PartitionLog log, Offset limit)
    {
        var batch = log.Inspect(limit.Value, FindMaxBatch);
        return batch is { } found ? FindRecord(log, found, found.MaxTimestamp, limit) : null;
    }

    /// <summary>The first batch from an offset on with a record at or after a timestamp.</summary>
    private static IndexEntry? FindBatch(BatchIndex index, long from, long timestampMs)
    {
        var position = index.Find(from);
        while (position.Block < index.Blocks.Count)
        {
            var block = index.Blocks[position.Block];
            if (block.MaxTimestamp >= timestampMs)
            {
                foreach (ref readonly var entry in block.Entries[position.Entry..])
                {
                    if (entry.MaxTimestamp >= timestampMs)
                        return entry;
                }
            }
            position = new IndexPosition(position.Block + 1, 0);
        }
        return null;
    }

    /// <summary>The first batch below an offset of those with the largest timestamp. Blocks tell their largest timestamp:
    /// only of the first, parts of which may lie below the log start, of the last and of the one found are entries read.</summary>
    private static IndexEntry? FindMaxBatch(BatchIndex index, long limit)
    {
        IndexPosition? best = null;
        long max = long.MinValue;
        for (var position = index.First; position.Block < index.Blocks.Count; position = new IndexPosition(position.Block + 1, 0))
        {
            var block = index.Blocks[position.Block];
            bool isWhole = position.Entry == 0 && block.EndOffset <= limit;
            long found = isWhole ? block.MaxTimestamp : FindMaxEntry(block, position.Entry, limit)?.MaxTimestamp ?? long.MinValue;
            if (best is null || found > max)
                (best, max) = (position, found);
            if (block.EndOffset >= limit)
                break;
        }
        return best is { } place ? FindMaxEntry(index.Blocks[place.Block], place.Entry, limit) : null;
    }

    private static IndexEntry? FindMaxEntry(IndexBlock block, int from, long limit)
    {
        IndexEntry? best = null;
        foreach (ref readonly var entry in block.Entries[from..])
        {
            if (entry.NextOffset > limit)
                break;
            if (best is null || entry.MaxTimestamp > best.Value.MaxTimestamp)
                best = entry;
        }
        return best;
    }

    private static TimestampedOffset? FindRecord(PartitionLog log, in IndexEntry batch, long timestampMs, Offset limit)
    {
        var from = Offset.Max(new Offset(batch.BaseOffset), log.LogStartOffset);
        var read = log.Read(from, new Offset(batch.NextOffset), batch.SizeBytes, atLeastOne: true);
        if (read.Records is not { } records)
            return null;
        try
        {
            var bytes = new ArrayBufferWriter<byte>(records.SizeBytes);
            records.CopyTo(bytes);
            return BatchTimestamps.FindFirst(bytes.WrittenMemory, timestampMs, log.LogStartOffset, limit);
        }
        finally
        {
            records.Release();
        }
    }
}
