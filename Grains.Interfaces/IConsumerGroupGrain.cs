using System.Collections.Immutable;

namespace Loire.Grains.Interfaces;

/// <summary>A consumer group; the key is the group id. It is the coordinator that Kafka clients of the same group talk to, so
/// both may be members of one group. Errors are Kafka's codes of the request of the same name. A client outside of the cluster
/// hears of a silo's death by the timeouts of its calls alone: those are short, except of calls that wait for other
/// members.</summary>
[Alias("Loire.IConsumerGroupGrain")]
public interface IConsumerGroupGrain : IGrainWithStringKey
{
    /// <summary>Answers when the rebalance is through, at the latest after the rebalance timeout.</summary>
    [Alias("JoinAsync"), ResponseTimeout("00:30:00")]
    Task<GroupJoined> JoinAsync(GroupJoin join);

    /// <summary>Answers when the leader has handed in the assignments.</summary>
    [Alias("SyncAsync"), ResponseTimeout("00:30:00")]
    Task<GroupSynced> SyncAsync(GroupSync sync);

    /// <returns>Kafka's error code; 27 (REBALANCE_IN_PROGRESS) asks the member to join again.</returns>
    [Alias("HeartbeatAsync"), ResponseTimeout("00:00:03")]
    Task<short> HeartbeatAsync(GroupMembership member);

    [Alias("LeaveAsync"), ResponseTimeout("00:00:05")]
    Task<short> LeaveAsync(string memberId);

    /// <summary>Stores offsets: answers when they are on disk on every in-sync replica.</summary>
    /// <param name="member"><see cref="GroupMembership.None"/> for offsets that no member commits.</param>
    /// <returns>An error for each; UNKNOWN_TOPIC_ID where it is of a topic that is no more, or not known yet.</returns>
    [Alias("CommitAsync"), ResponseTimeout("00:00:10")]
    Task<ImmutableArray<short>> CommitAsync(GroupMembership member, ImmutableArray<GroupOffset> offsets);

    /// <returns>Offset -1 where none is stored of the topic that has the name now; where one is of its predecessor, with the
    /// predecessor's id and metadata.</returns>
    /// <exception cref="LoireException">NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS: ask again.</exception>
    [Alias("GetOffsetsAsync"), ResponseTimeout("00:00:05")]
    Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(ImmutableArray<GroupPartition> partitions);

    /// <returns>All that are stored of topics that exist.</returns>
    /// <exception cref="LoireException">NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS: ask again.</exception>
    [Alias("GetAllOffsetsAsync"), ResponseTimeout("00:00:05")]
    Task<ImmutableArray<GroupOffset>> GetAllOffsetsAsync();

    /// <summary>Deletes the group with its offsets.</summary>
    /// <returns>NON_EMPTY_GROUP while it has members, GROUP_ID_NOT_FOUND.</returns>
    [Alias("DeleteAsync"), ResponseTimeout("00:00:10")]
    Task<short> DeleteAsync();

    /// <returns>Null where there is no such group.</returns>
    [Alias("DescribeAsync"), ResponseTimeout("00:00:05")]
    Task<GroupDescription?> DescribeAsync();
}

/// <summary>A member's place in its group.</summary>
/// <param name="InstanceId">Of a static member, which is told FENCED_INSTANCE_ID (82) where another took its place; else
/// null.</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupMembership")]
public sealed record GroupMembership(
    [property: Id(0)] string MemberId, [property: Id(1)] string? InstanceId, [property: Id(2)] int Generation)
{
    public static readonly GroupMembership None = new("", null, -1);
}

/// <param name="MemberId">Empty at the first time: the answer MEMBER_ID_REQUIRED gives one.</param>
/// <param name="InstanceId">Of a static member; else null.</param>
/// <param name="Protocols">Assignment strategies, the preferred one first, each with its subscription in the format of
/// Kafka's consumer protocol.</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupJoin")]
public sealed record GroupJoin(
    [property: Id(0)] string MemberId,
    [property: Id(1)] string? InstanceId,
    [property: Id(2)] string ClientId,
    [property: Id(3)] int SessionTimeoutMs,
    [property: Id(4)] int RebalanceTimeoutMs,
    [property: Id(5)] ImmutableArray<GroupProtocol> Protocols);

[GenerateSerializer, Immutable, Alias("Loire.GroupProtocol")]
public sealed record GroupProtocol([property: Id(0)] string Name, [property: Id(1)] ReadOnlyMemory<byte> Metadata);

/// <param name="Members">Told to the leader alone, which is to assign.</param>
/// <param name="SkipsAssignment">The leader is a static member that came back, and the assignment stands (KIP-814).</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupJoined")]
public sealed record GroupJoined(
    [property: Id(0)] short Error,
    [property: Id(1)] int Generation,
    [property: Id(2)] string Protocol,
    [property: Id(3)] string LeaderId,
    [property: Id(4)] string MemberId,
    [property: Id(5)] ImmutableArray<GroupMemberSubscription> Members,
    [property: Id(6)] bool SkipsAssignment);

[GenerateSerializer, Immutable, Alias("Loire.GroupMemberSubscription")]
public sealed record GroupMemberSubscription(
    [property: Id(0)] string MemberId, [property: Id(1)] string? InstanceId, [property: Id(2)] ReadOnlyMemory<byte> Metadata);

/// <param name="Assignments">From the leader; empty from others.</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupSync")]
public sealed record GroupSync(
    [property: Id(0)] GroupMembership Member, [property: Id(1)] ImmutableArray<GroupMemberAssignment> Assignments);

[GenerateSerializer, Immutable, Alias("Loire.GroupMemberAssignment")]
public sealed record GroupMemberAssignment(
    [property: Id(0)] string MemberId, [property: Id(1)] ReadOnlyMemory<byte> Assignment);

[GenerateSerializer, Immutable, Alias("Loire.GroupSynced")]
public sealed record GroupSynced([property: Id(0)] short Error, [property: Id(1)] ReadOnlyMemory<byte> Assignment);

[GenerateSerializer, Immutable, Alias("Loire.GroupPartition")]
public sealed record GroupPartition([property: Id(0)] string Topic, [property: Id(1)] int Partition);

/// <param name="Metadata">Whatever the committer wants to find again; may be empty.</param>
/// <param name="TopicId">Of the topic that the offset is of: one of the same name that comes after it has another. Empty in a
/// commit for the one that has the name now.</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupOffset")]
public sealed record GroupOffset(
    [property: Id(0)] string Topic,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] int LeaderEpoch,
    [property: Id(4)] string Metadata,
    [property: Id(5)] Guid TopicId = default);

/// <param name="State">As Kafka names it: Empty, PreparingRebalance, CompletingRebalance, Stable.</param>
[GenerateSerializer, Immutable, Alias("Loire.GroupListing")]
public sealed record GroupListing([property: Id(0)] string GroupId, [property: Id(1)] string State);

[GenerateSerializer, Immutable, Alias("Loire.GroupDescription")]
public sealed record GroupDescription(
    [property: Id(0)] string State, [property: Id(1)] string Protocol, [property: Id(2)] ImmutableArray<string> MemberIds);
