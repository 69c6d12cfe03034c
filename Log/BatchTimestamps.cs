using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Looks into one batch.</summary>
internal static class BatchTimestamps
{
    /// <summary>The most that the records are inflated to. A request of a few bytes may ask for many partitions, and a batch of
    /// 30 KB may inflate to 256 MB.</summary>
    private const int InflatedBytesMax = 16 << 20;

    /// <summary>The first record in a range of offsets whose timestamp is at or after one. Of a batch that inflates to more
    /// than 16 MB it is the first in the range, with the batch's largest timestamp: who reads from there misses
    /// nothing.</summary>
    public static TimestampedOffset? FindFirst(ReadOnlyMemory<byte> batch, long timestampMs, Offset from, Offset limit)
    {
        var header = RecordBatchHeader.Read(batch.Span);
        if (header.IsLogAppendTime)
            return FindBatch(header, timestampMs, from, limit);
        try
        {
            return FindRecord(header, batch[RecordBatchHeader.SizeBytes..], timestampMs, from, limit);
        }
        catch (CompressionException tooLarge) when (tooLarge.IsOverLimit)
        {
            return FindBatch(header, timestampMs, from, limit);
        }
    }

    private static TimestampedOffset? FindBatch(in RecordBatchHeader header, long timestampMs, Offset from, Offset limit)
    {
        var first = Offset.Max(header.BaseOffset, from);
        return header.MaxTimestamp >= timestampMs && first < limit && first < header.NextOffset
            ? new TimestampedOffset(first, header.MaxTimestamp, header.PartitionLeaderEpoch)
            : null;
    }

    private static TimestampedOffset? FindRecord(
        in RecordBatchHeader header, ReadOnlyMemory<byte> payload, long timestampMs, Offset from, Offset limit)
    {
        using var records = new RecordReader(header, new ReadOnlySequence<byte>(payload), InflatedBytesMax);
        while (records.TryRead(out var record))
        {
            if (record.TimestampMs >= timestampMs && record.Offset >= from && record.Offset < limit)
                return new TimestampedOffset(record.Offset, record.TimestampMs, header.PartitionLeaderEpoch);
        }
        return null;
    }
}
