using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>Where a follower's log ends, and how far it is on its disk.</summary>
/// <param name="Offset">The log end: from there it fetches.</param>
/// <param name="DurableEnd">What counts for the high watermark: everything below it is synced. At most
/// <paramref name="Offset"/>.</param>
/// <param name="LastFetchedEpoch">The epoch of its last record; none where it has none.</param>
/// <param name="LeaderEpoch">The epoch of the leader it follows.</param>
public readonly record struct FetchPosition(
    Offset Offset, Offset DurableEnd, LeaderEpoch LastFetchedEpoch, LeaderEpoch LeaderEpoch)
{
    public bool IsSynced => DurableEnd == Offset;
}

/// <summary>A leader's answer to a follower for one partition.</summary>
/// <param name="Diverging">The end of the follower's last epoch in the leader's log, where their logs part
/// (KIP-595).</param>
/// <param name="Records">Null where there are none; the caller releases it.</param>
public readonly record struct FollowerRead(
    ErrorCode Error, EpochEnd? Diverging, IRecordsSource? Records, Offset HighWatermark, Offset LogStartOffset)
{
    /// <summary>The leader's when it answered; none where only the answer is known.</summary>
    public Offset LogEndOffset { get; init; } = Offset.None;
}

/// <summary>What a follower made of an answer.</summary>
public enum FetchedOutcome : byte
{
    /// <summary>It was appended, or there was nothing to append, or the log was cut: ask again.</summary>
    Taken,

    /// <summary>This log had nothing in common with the leader's any more and was emptied: ask again, from where the
    /// leader's starts.</summary>
    Reset,

    /// <summary>It answers a question that this replica asks no more.</summary>
    Outdated,

    /// <summary>The journal's buffer is full: ask again a little later.</summary>
    Full,

    /// <summary>The bytes are not what the leader's log holds. Nothing of the bad batch was appended.</summary>
    Corrupt,

    /// <summary>This broker's store takes no more writes.</summary>
    Failed,

    /// <summary>There was nothing to take: the leader answered with an error.</summary>
    Refused,
}
