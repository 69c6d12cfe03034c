namespace Loire.Broker.Groups;

/// <summary>The broker's settings for groups and committed offsets. Names and defaults are Kafka's.</summary>
public sealed record GroupCoordinatorConfig
{
    /// <summary>How long a member that was never told its id may wait in a join: its client cannot send heartbeats yet,
    /// and one that gave up would otherwise stay for ever. Fixed, as in Kafka.</summary>
    public const int NewMemberJoinTimeoutMs = 300_000;

    /// <summary>group.min.session.timeout.ms.</summary>
    public int MinSessionTimeoutMs { get; init; } = 6_000;

    /// <summary>group.max.session.timeout.ms.</summary>
    public int MaxSessionTimeoutMs { get; init; } = 1_800_000;

    /// <summary>group.max.size: members of one group.</summary>
    public int MaxSize { get; init; } = int.MaxValue;

    /// <summary>group.initial.rebalance.delay.ms: how long an empty group waits for more members.</summary>
    public int InitialRebalanceDelayMs { get; init; } = 3_000;

    /// <summary>offset.metadata.max.bytes. Kafka counts UTF-16 units, and so does Loire.</summary>
    public int OffsetMetadataMaxBytes { get; init; } = 4_096;

    /// <summary>offsets.retention.minutes, in milliseconds.</summary>
    public long OffsetsRetentionMs { get; init; } = 10_080 * 60_000L;

    /// <summary>offsets.retention.check.interval.ms.</summary>
    public long OffsetsRetentionCheckIntervalMs { get; init; } = 600_000;

    /// <summary>offsets.topic.num.partitions: how many coordinators the groups are spread over.</summary>
    public int OffsetsTopicPartitions { get; init; } = 50;

    /// <summary>offsets.topic.replication.factor.</summary>
    public short OffsetsTopicReplicationFactor { get; init; } = 3;

    /// <summary>A coordinator's log may grow by this much before its live state is written again and what lies before
    /// is dropped. No Kafka setting: there the log cleaner does this.</summary>
    public long SnapshotBytes { get; init; } = 16 * 1024 * 1024;
}
