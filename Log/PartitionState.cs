using Loire.Protocol;

namespace Loire.Log;

/// <summary>What a checkpoint knows of a partition besides its batches.</summary>
/// <param name="Handle">Names the partition in the journal; never given twice.</param>
/// <param name="Truncations">How often the log was truncated.</param>
internal sealed record PartitionState(
    int Handle,
    TopicIdPartition Partition,
    long LogStart,
    long LogEnd,
    int Truncations,
    ObserverSnapshot Snapshot);

/// <summary>What the owner of a partition derived from its log.</summary>
/// <param name="Truncations">How often the log had been truncated when it was taken.</param>
/// <param name="EndOffset">The log end it covers.</param>
/// <param name="ReplayFrom">Where the log was cut back to below <paramref name="EndOffset"/> since; else the
/// same as <paramref name="EndOffset"/>.</param>
internal sealed record ObserverSnapshot(int Truncations, long EndOffset, long ReplayFrom, ReadOnlyMemory<byte> Bytes)
{
    public static readonly ObserverSnapshot None = new(0, 0, 0, default);
}
