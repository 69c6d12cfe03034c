using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Looks into one batch.</summary>
internal static class BatchTimestamps
{
    /// <summary>The first record in a range of offsets whose timestamp is at or after one.</summary>
    public static TimestampedOffset? FindFirst(ReadOnlyMemory<byte> batch, long timestampMs, Offset from, Offset limit)
    {
        var header = RecordBatchHeader.Read(batch.Span);
        if (header.IsLogAppendTime)
        {
            var first = Offset.Max(header.BaseOffset, from);
            return header.MaxTimestamp >= timestampMs && first < limit && first < header.NextOffset
                ? new TimestampedOffset(first, header.MaxTimestamp, header.PartitionLeaderEpoch)
                : null;
        }
        using var records = new RecordReader(header, new ReadOnlySequence<byte>(batch[RecordBatchHeader.SizeBytes..]));
        while (records.TryRead(out var record))
        {
            if (record.TimestampMs >= timestampMs && record.Offset >= from && record.Offset < limit)
                return new TimestampedOffset(record.Offset, record.TimestampMs, header.PartitionLeaderEpoch);
        }
        return null;
    }
}
