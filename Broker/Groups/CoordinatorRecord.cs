using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>One entry of a coordinator's log. The state it describes is a map: a record sets its key, or removes it
/// (a tombstone), whatever else the map holds.</summary>
public abstract record CoordinatorRecord(GroupId Group);

/// <param name="Value">Null for a tombstone.</param>
public sealed record OffsetRecord(GroupId Group, TopicPartition Partition, CommittedOffset? Value)
    : CoordinatorRecord(Group);

/// <param name="Value">Null for a tombstone.</param>
public sealed record GroupMetadataRecord(GroupId Group, GroupMetadata? Value) : CoordinatorRecord(Group);

/// <summary>An offset as committed.</summary>
/// <param name="CommitTimestampMs">Milliseconds since 1970.</param>
/// <param name="ExpireTimestampMs">Set by clients that still ask for a retention of their own (OffsetCommit v2-4).</param>
/// <param name="TopicId">Of the topic it was committed for: one of the same name that comes after it has another. None where
/// the record has no place for it, or was written by who did not know it.</param>
public sealed record CommittedOffset(
    Offset Offset,
    LeaderEpoch LeaderEpoch,
    string Metadata,
    long CommitTimestampMs,
    long? ExpireTimestampMs,
    TopicId TopicId);

/// <summary>A generation of a group: what its members may rely on after the coordinator has moved or restarted.</summary>
/// <param name="StateTimestampMs">When the group came into its state, in milliseconds since 1970; -1 unknown.</param>
public sealed record GroupMetadata(
    string ProtocolType,
    int Generation,
    string? ProtocolName,
    string? Leader,
    long StateTimestampMs,
    IReadOnlyList<RecordedMember> Members);

public sealed record RecordedMember(
    string MemberId,
    string? InstanceId,
    string ClientId,
    string ClientHost,
    int RebalanceTimeoutMs,
    int SessionTimeoutMs,
    byte[] Subscription,
    byte[] Assignment);
