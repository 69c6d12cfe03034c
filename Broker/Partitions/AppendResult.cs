using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>How many replicas a producer wants to have a batch before it is answered.</summary>
public enum RequiredAcks : short
{
    All = -1,
    None = 0,
    Leader = 1,
}

/// <summary>What became of one batch.</summary>
/// <param name="Message">What was wrong with it, for people; null where nothing was.</param>
/// <param name="RecordErrors">The records that spoilt it (KIP-467); default where none can be named.</param>
/// <param name="BaseOffset">Its first offset; of the original where it is a duplicate.</param>
/// <param name="NextOffset">The offset after its last record.</param>
/// <param name="LogAppendTimeMs">-1 where the topic keeps the producer's timestamps.</param>
public readonly record struct AppendResult(
    ErrorCode Error,
    string? Message,
    ImmutableArray<RecordError> RecordErrors,
    Offset BaseOffset,
    Offset NextOffset,
    long LogAppendTimeMs,
    Offset LogStartOffset)
{
    public static AppendResult Failed(ErrorCode error, string? message, Offset logStart) =>
        new(error, message, default, Offset.None, Offset.None, -1, logStart);
}

/// <param name="BatchIndex">The record's place in its batch, from 0.</param>
public readonly record struct RecordError(int BatchIndex, string? Message);
