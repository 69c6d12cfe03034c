using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Ports;

/// <summary>One partition's log. Writers (append, truncate, log start) are serialised by the caller; readers may come
/// from any thread at any time.</summary>
public interface IPartitionLog
{
    TopicIdPartition Partition { get; }

    /// <summary>The first offset that can be read.</summary>
    Offset LogStartOffset { get; }

    /// <summary>The offset the next record gets (log end offset).</summary>
    Offset LogEndOffset { get; }

    /// <summary>Everything below it is synced to disk.</summary>
    Offset DurableEndOffset { get; }

    /// <summary>Bytes of the batches from log start to log end.</summary>
    long SizeBytes { get; }

    /// <summary>Appends one batch: its header, with base offset (= log end offset) and leader epoch assigned, and the
    /// bytes after the header, which are copied before the call returns. The first batch of an empty log may start below
    /// the log start, where it holds it: the log start of its leader lies within a batch.</summary>
    /// <returns>False when the journal's buffer is full: nothing was appended; wait on
    /// <see cref="ILogStore.WaitForSpaceAsync"/> and try again.</returns>
    /// <exception cref="LogStoreException">The store has failed and takes no more writes.</exception>
    bool TryAppend(ReadOnlySpan<byte> header, in ReadOnlySequence<byte> records);

    /// <summary>Finds the whole batches that hold offsets from <paramref name="from"/> and end at or below
    /// <paramref name="limit"/> (exclusive), at most <paramref name="maxBytes"/> bytes of them. The first may start below
    /// <paramref name="from"/>.</summary>
    /// <param name="atLeastOne">Return the first batch even where it alone is over <paramref name="maxBytes"/>.</param>
    LogRead Read(Offset from, Offset limit, int maxBytes, bool atLeastOne);

    /// <summary>The first record below <paramref name="limit"/> whose timestamp is at or after
    /// <paramref name="timestampMs"/>. May read from disk.</summary>
    TimestampedOffset? FindByTimestamp(long timestampMs, Offset limit);

    /// <summary>The first record below <paramref name="limit"/> that has the largest timestamp.</summary>
    TimestampedOffset? FindMaxTimestamp(Offset limit);

    /// <summary>The log start that retention asks for: every batch below it has only records older than
    /// <paramref name="expireBeforeMs"/> (null: no limit by time), or lies beyond the newest
    /// <paramref name="retainBytes"/> bytes (null: no limit by size). Never above <paramref name="limit"/>.</summary>
    Offset FindRetentionStart(long? expireBeforeMs, long? retainBytes, Offset limit);

    /// <summary>Moves the log start up; what lies below can no longer be read and its space is reclaimed in time. Beyond the
    /// log end it empties the log, which then goes on there.</summary>
    void AdvanceLogStart(Offset logStart);

    /// <summary>Drops the batches that reach beyond <paramref name="end"/>, as a follower does that diverged (KIP-101). The
    /// log may then end below it, and below the log start, which comes down with it.</summary>
    void TruncateTo(Offset end);
}

/// <param name="Records">The batches; null where there are none. The caller releases it.</param>
/// <param name="NextOffset">The offset after the last batch; the offset asked for where there is none.</param>
public readonly record struct LogRead(LogReadStatus Status, IRecordsSource? Records, Offset NextOffset)
{
    public int SizeBytes => Records?.SizeBytes ?? 0;
}

public enum LogReadStatus : byte
{
    Ok = 0,

    /// <summary>The offset lies below the log start or above the log end.</summary>
    OutOfRange = 1,

    /// <summary>The batch with the offset is known to be damaged.</summary>
    Damaged = 2,
}

/// <param name="TimestampMs">Milliseconds since 1970.</param>
public readonly record struct TimestampedOffset(Offset Offset, long TimestampMs, LeaderEpoch LeaderEpoch);
