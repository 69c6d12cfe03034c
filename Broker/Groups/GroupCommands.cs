using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>Where an answer goes. Delivered once, outside the coordinator's lock.</summary>
public interface IReplyTo<in TReply>
{
    void Deliver(TReply reply);
}

/// <summary>Something asked of one group. Byte arrays belong to the command: the coordinator keeps them.</summary>
public abstract record GroupCommand(GroupId Group)
{
    /// <summary>Storing and reading offsets without a group id is older than groups, and still allowed.</summary>
    internal virtual bool AllowsEmptyGroupId => false;

    /// <summary>Answers with an error that the coordinator as a whole has: loading, moved, refused by the log.</summary>
    internal abstract void Fail(ErrorCode error, CoordinatorStep step);

    /// <summary>Answers in the place of a coordinator that is not here.</summary>
    internal void Refuse(ErrorCode error)
    {
        var step = new CoordinatorStep(default);
        Fail(error, step);
        step.Replies.ForEach(reply => reply());
    }
}

/// <param name="MemberId">Empty for a member that has no id yet.</param>
/// <param name="InstanceId">The name of a static member (KIP-345); null for a dynamic one.</param>
/// <param name="Protocols">What the member can speak, the preferred one first.</param>
/// <param name="Reason">Why the client joins (KIP-800); null where it does not say.</param>
/// <param name="RequireMemberId">The client can be told its id first and join again with it (KIP-394).</param>
/// <param name="CanSkipAssignment">The client understands that a leader need not assign (KIP-814).</param>
/// <param name="NewMemberId">Makes the id of a member that has none unique.</param>
public sealed record JoinGroupCommand(
    GroupId Group,
    string MemberId,
    string? InstanceId,
    string ClientId,
    string ClientHost,
    int SessionTimeoutMs,
    int RebalanceTimeoutMs,
    string ProtocolType,
    IReadOnlyList<MemberProtocol> Protocols,
    string? Reason,
    bool RequireMemberId,
    bool CanSkipAssignment,
    Guid NewMemberId,
    IReplyTo<JoinGroupReply> ReplyTo) : GroupCommand(Group)
{
    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, JoinGroupReply.Failed(error, MemberId));
}

/// <summary>A way of assigning that a member can speak, and what it tells the leader for it.</summary>
public sealed record MemberProtocol(string Name, byte[] Metadata);

public sealed record JoinGroupReply(
    ErrorCode Error,
    string MemberId,
    int Generation,
    string? ProtocolType,
    string? ProtocolName,
    string Leader,
    bool SkipAssignment,
    IReadOnlyList<JoinedMember> Members)
{
    public static JoinGroupReply Failed(ErrorCode error, string memberId) =>
        new(error, memberId, -1, null, null, "", SkipAssignment: false, []);
}

public sealed record JoinedMember(string MemberId, string? InstanceId, byte[] Metadata);

/// <param name="ProtocolType">Null where the client's version does not say.</param>
/// <param name="Assignments">What the leader assigns, by member id; empty from all others.</param>
public sealed record SyncGroupCommand(
    GroupId Group,
    string MemberId,
    string? InstanceId,
    int Generation,
    string? ProtocolType,
    string? ProtocolName,
    IReadOnlyDictionary<string, byte[]> Assignments,
    IReplyTo<SyncGroupReply> ReplyTo) : GroupCommand(Group)
{
    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, SyncGroupReply.Failed(error));
}

public sealed record SyncGroupReply(ErrorCode Error, string? ProtocolType, string? ProtocolName, byte[] Assignment)
{
    public static SyncGroupReply Failed(ErrorCode error) => new(error, null, null, []);
}

public sealed record HeartbeatCommand(
    GroupId Group, string MemberId, string? InstanceId, int Generation, IReplyTo<ErrorCode> ReplyTo)
    : GroupCommand(Group)
{
    /// <summary>A coordinator that is loading cannot know the member and must not frighten it: NONE, as in
    /// Kafka.</summary>
    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, error == ErrorCode.CoordinatorLoadInProgress ? ErrorCode.None : error);
}

public sealed record LeaveGroupCommand(
    GroupId Group, IReadOnlyList<LeavingMember> Members, IReplyTo<LeaveGroupReply> ReplyTo) : GroupCommand(Group)
{
    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, new LeaveGroupReply(error, []));
}

/// <param name="MemberId">Empty where an administrator removes a static member by its instance id.</param>
public sealed record LeavingMember(string MemberId, string? InstanceId, string? Reason);

/// <param name="Members">An error for each member of the command, in its order; empty where all failed.</param>
public sealed record LeaveGroupReply(ErrorCode Error, IReadOnlyList<ErrorCode> Members);

/// <param name="Generation">-1 with an empty <paramref name="MemberId"/> for a client that only stores offsets.</param>
/// <param name="KnowsGroupIdNotFound">The client understands GROUP_ID_NOT_FOUND (v9); older ones are told
/// ILLEGAL_GENERATION.</param>
/// <param name="RetentionMs">How long to keep the offsets, from clients that still say (v2-4); null for the broker's
/// setting.</param>
public sealed record OffsetCommitCommand(
    GroupId Group,
    string MemberId,
    string? InstanceId,
    int Generation,
    bool KnowsGroupIdNotFound,
    long? RetentionMs,
    IReadOnlyList<OffsetToCommit> Offsets,
    IReplyTo<IReadOnlyList<ErrorCode>> ReplyTo) : GroupCommand(Group)
{
    internal override bool AllowsEmptyGroupId => true;

    internal override void Fail(ErrorCode error, CoordinatorStep step)
    {
        var errors = new ErrorCode[Offsets.Count];
        Array.Fill(errors, error);
        step.Reply(ReplyTo, errors);
    }
}

public readonly record struct OffsetToCommit(
    TopicPartition Partition, TopicId TopicId, Offset Offset, LeaderEpoch LeaderEpoch, string? Metadata);

/// <summary>Deletes committed offsets of topics the group is not subscribed to.</summary>
public sealed record OffsetDeleteCommand(
    GroupId Group, IReadOnlyList<TopicPartition> Partitions, IReplyTo<OffsetDeleteReply> ReplyTo)
    : GroupCommand(Group)
{
    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, new OffsetDeleteReply(error, []));
}

/// <param name="Partitions">An error for each partition of the command, in its order; empty where all failed.</param>
public sealed record OffsetDeleteReply(ErrorCode Error, IReadOnlyList<ErrorCode> Partitions);

/// <summary>Deletes an empty group with its offsets.</summary>
public sealed record DeleteGroupCommand(GroupId Group, IReplyTo<ErrorCode> ReplyTo) : GroupCommand(Group)
{
    internal override bool AllowsEmptyGroupId => true;

    internal override void Fail(ErrorCode error, CoordinatorStep step) => step.Reply(ReplyTo, error);
}

/// <summary>Reads offsets: those asked for, or all of the group.</summary>
/// <param name="Partitions">Null for all.</param>
/// <param name="RequireStable">Answer only when the commits that were in flight have ended (KIP-447).</param>
public sealed record OffsetFetchCommand(
    GroupId Group,
    IReadOnlyList<TopicPartition>? Partitions,
    bool RequireStable,
    IReplyTo<OffsetFetchReply> ReplyTo) : GroupCommand(Group)
{
    internal override bool AllowsEmptyGroupId => true;

    internal override void Fail(ErrorCode error, CoordinatorStep step) =>
        step.Reply(ReplyTo, new OffsetFetchReply(error, []));
}

/// <param name="Offsets">One for each partition asked for, in that order; or all of the group.</param>
public sealed record OffsetFetchReply(ErrorCode Error, IReadOnlyList<FetchedOffset> Offsets);

/// <param name="Value">Null where nothing is committed.</param>
public readonly record struct FetchedOffset(TopicPartition Partition, CommittedOffset? Value);
