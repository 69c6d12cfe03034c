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
        var offset = Offset.Max(header.BaseOffset, from);
        return header.MaxTimestamp >= timestampMs && offset < limit
            ? new TimestampedOffset(offset, header.MaxTimestamp, header.PartitionLeaderEpoch)
            : null;
    }
}
