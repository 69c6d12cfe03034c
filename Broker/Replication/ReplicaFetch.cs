using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Replication;

/// <summary>What a fetcher asks its leader broker next, as an incremental fetch session has it (KIP-227).</summary>
/// <param name="SessionId">0 for a new session.</param>
/// <param name="SessionEpoch">0 for a new session.</param>
/// <param name="Partitions">All of them for a new session; else those whose position is not what the session knows.</param>
/// <param name="Forgotten">Those the session is to drop.</param>
/// <param name="Waits">The leader holds the request while it has nothing new; else it answers at once.</param>
public sealed record ReplicaFetchRequest(
    int SessionId,
    int SessionEpoch,
    IReadOnlyList<KeyValuePair<TopicIdPartition, FetchPosition>> Partitions,
    IReadOnlyList<TopicIdPartition> Forgotten,
    bool Waits);

/// <summary>When a fetcher asks for more before what it has is synced.</summary>
/// <param name="FromBytes">After answers with as many bytes of records.</param>
/// <param name="LimitBytes">Until about as many are not synced: the journal's memory is for others, too.</param>
public readonly record struct ReadAhead(int FromBytes, int LimitBytes)
{
    public static readonly ReadAhead Default = new(FromBytes: 256 << 10, LimitBytes: 8 << 20);
}

/// <param name="Error">NONE, FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, or what befell the whole
/// request.</param>
/// <param name="SessionId">0 where the leader keeps no session.</param>
public sealed record ReplicaFetchAnswer(ErrorCode Error, int SessionId, IReadOnlyList<FetchedPartition> Partitions);

/// <param name="Records">The batches' bytes; empty where there are none.</param>
public readonly record struct FetchedPartition(
    TopicIdPartition Partition, FollowerRead Read, ReadOnlySequence<byte> Records);

/// <summary>Why a partition cannot go on now, or had to start anew.</summary>
/// <param name="Error">The leader's.</param>
/// <param name="Outcome">What the replica made of the answer.</param>
public readonly record struct FetchTrouble(
    TopicIdPartition Partition, FetchPosition Position, ErrorCode Error, FetchedOutcome Outcome)
{
    /// <summary>Whether it comes and goes by itself: leaders and followers do not hear of a new topic or an election at the same
    /// moment, and what the journal's memory has no room for has it when more is synced.</summary>
    public bool IsPassing => Outcome == FetchedOutcome.Full
        || Error is ErrorCode.NotLeaderOrFollower or ErrorCode.FencedLeaderEpoch or ErrorCode.UnknownLeaderEpoch
            or ErrorCode.UnknownTopicId or ErrorCode.UnknownTopicOrPartition;
}
