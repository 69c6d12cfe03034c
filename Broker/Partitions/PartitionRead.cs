using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>How far a reader may see.</summary>
public enum ReadIsolation : byte
{
    /// <summary>Up to the high watermark.</summary>
    Uncommitted = 0,

    /// <summary>Up to the last stable offset.</summary>
    Committed = 1,
}

/// <summary>What a read of a partition found.</summary>
/// <param name="Records">Null where there are none; the caller releases it.</param>
/// <param name="NextOffset">The offset to read from next.</param>
public readonly record struct PartitionRead(
    ErrorCode Error,
    IRecordsSource? Records,
    Offset NextOffset,
    Offset HighWatermark,
    Offset LastStableOffset,
    Offset LogStartOffset)
{
    public int SizeBytes => Records?.SizeBytes ?? 0;
}
