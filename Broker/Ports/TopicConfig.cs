using Loire.Protocol.Records;

namespace Loire.Broker.Ports;

/// <summary>A topic's settings in force, typed. Names and defaults are Kafka's topic configs.</summary>
public sealed record TopicConfig
{
    public static readonly TopicConfig Default = new();

    /// <summary>max.message.bytes: the largest batch, header included.</summary>
    public int MaxMessageBytes { get; init; } = 1_048_588;

    /// <summary>message.timestamp.type: true for LogAppendTime.</summary>
    public bool LogAppendTime { get; init; }

    /// <summary>message.timestamp.before.max.ms.</summary>
    public long TimestampBeforeMaxMs { get; init; } = long.MaxValue;

    /// <summary>message.timestamp.after.max.ms.</summary>
    public long TimestampAfterMaxMs { get; init; } = 3_600_000;

    /// <summary>retention.ms; null for -1, no limit.</summary>
    public long? RetentionMs { get; init; } = 604_800_000;

    /// <summary>retention.bytes; null for -1, no limit.</summary>
    public long? RetentionBytes { get; init; }

    /// <summary>cleanup.policy has delete.</summary>
    public bool Delete { get; init; } = true;

    /// <summary>cleanup.policy has compact: every record needs a key.</summary>
    public bool Compact { get; init; }

    /// <summary>compression.type; null for producer, which keeps what was sent.</summary>
    public CompressionCodec? Compression { get; init; }

    /// <summary>min.insync.replicas.</summary>
    public int MinInSyncReplicas { get; init; } = 1;

    /// <summary>follower.replication.throttled.replicas: slowed down while they catch up.</summary>
    public ThrottledReplicas FollowerThrottledReplicas { get; init; } = ThrottledReplicas.None;

    /// <summary>leader.replication.throttled.replicas: slowed down as leaders of followers that catch up.</summary>
    public ThrottledReplicas LeaderThrottledReplicas { get; init; } = ThrottledReplicas.None;

    /// <summary>unclean.leader.election.enable: where no in-sync replica is up, another may lead, and what only the in-sync
    /// ones had is lost.</summary>
    public bool UncleanLeaderElection { get; init; }
}
