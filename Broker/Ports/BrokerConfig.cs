namespace Loire.Broker.Ports;

/// <summary>The brokers' settings in force, typed. Names and defaults are Kafka's broker configs; what a topic may
/// override is in <see cref="TopicConfig"/>.</summary>
public sealed record BrokerConfig
{
    public static readonly BrokerConfig Default = new();

    /// <summary>auto.create.topics.enable: a Metadata request may create the topics it names.</summary>
    public bool AutoCreateTopics { get; init; } = true;

    /// <summary>delete.topic.enable.</summary>
    public bool DeleteTopics { get; init; } = true;

    /// <summary>num.partitions: of a topic created without a count.</summary>
    public int NumPartitions { get; init; } = 1;

    /// <summary>default.replication.factor: of a topic created without one.</summary>
    public int DefaultReplicationFactor { get; init; } = 1;

    /// <summary>log.retention.check.interval.ms.</summary>
    public long RetentionCheckIntervalMs { get; init; } = 300_000;

    /// <summary>producer.id.expiration.ms: an idempotent producer silent for longer is forgotten.</summary>
    public int ProducerIdExpirationMs { get; init; } = 86_400_000;

    /// <summary>socket.request.max.bytes: the largest request frame.</summary>
    public int SocketRequestMaxBytes { get; init; } = 104_857_600;

    /// <summary>queued.max.request.bytes: request bytes held at a time over all connections; null for -1, which
    /// leaves it to the host.</summary>
    public long? QueuedMaxRequestBytes { get; init; }

    /// <summary>max.connections.</summary>
    public int MaxConnections { get; init; } = int.MaxValue;

    /// <summary>max.connections.per.ip.</summary>
    public int MaxConnectionsPerIp { get; init; } = int.MaxValue;

    /// <summary>connections.max.idle.ms.</summary>
    public long ConnectionsMaxIdleMs { get; init; } = 600_000;

    /// <summary>fetch.max.bytes: the largest Fetch answer, whatever the client asks for.</summary>
    public int FetchMaxBytes { get; init; } = 57_671_680;

    /// <summary>max.incremental.fetch.session.cache.slots (KIP-227).</summary>
    public int FetchSessionSlots { get; init; } = 1_000;

    /// <summary>max.request.partition.size.limit: partitions in one DescribeTopicPartitions answer.</summary>
    public int MaxRequestPartitions { get; init; } = 2_000;

    /// <summary>group.initial.rebalance.delay.ms.</summary>
    public int GroupInitialRebalanceDelayMs { get; init; } = 3_000;

    /// <summary>group.min.session.timeout.ms.</summary>
    public int GroupMinSessionTimeoutMs { get; init; } = 6_000;

    /// <summary>group.max.session.timeout.ms.</summary>
    public int GroupMaxSessionTimeoutMs { get; init; } = 1_800_000;

    /// <summary>group.max.size: members of one group.</summary>
    public int GroupMaxSize { get; init; } = int.MaxValue;

    /// <summary>offset.metadata.max.bytes: the text a client may store with an offset.</summary>
    public int OffsetMetadataMaxBytes { get; init; } = 4_096;

    /// <summary>offsets.retention.minutes, in ms: how long the offsets of a group without members are kept.</summary>
    public long OffsetsRetentionMs { get; init; } = 604_800_000;

    /// <summary>offsets.retention.check.interval.ms.</summary>
    public long OffsetsRetentionCheckIntervalMs { get; init; } = 600_000;

    /// <summary>offsets.topic.num.partitions: of __consumer_offsets when it is created.</summary>
    public int OffsetsTopicPartitions { get; init; } = 50;

    /// <summary>offsets.topic.replication.factor: of __consumer_offsets, lowered to the number of brokers where there
    /// are fewer.</summary>
    public int OffsetsTopicReplicationFactor { get; init; } = 3;

    /// <summary>replica.lag.time.max.ms: a follower that was not caught up for longer leaves the in-sync set.</summary>
    public long ReplicaLagTimeMaxMs { get; init; } = 30_000;

    /// <summary>replica.fetch.min.bytes: a follower's fetch waits for as much.</summary>
    public int ReplicaFetchMinBytes { get; init; } = 1;

    /// <summary>replica.fetch.wait.max.ms: how long a follower's fetch waits.</summary>
    public int ReplicaFetchWaitMaxMs { get; init; } = 500;

    /// <summary>replica.fetch.max.bytes: of one partition in one fetch; a larger batch still goes through.</summary>
    public int ReplicaFetchMaxBytes { get; init; } = 1_048_576;

    /// <summary>replica.fetch.response.max.bytes: of all partitions in one fetch.</summary>
    public int ReplicaFetchResponseMaxBytes { get; init; } = 10_485_760;

    /// <summary>replica.socket.timeout.ms: a leader silent for longer is given up and tried anew.</summary>
    public int ReplicaSocketTimeoutMs { get; init; } = 30_000;

    /// <summary>follower.replication.throttled.rate: bytes a second.</summary>
    public long FollowerThrottledRate { get; init; } = long.MaxValue;

    /// <summary>leader.replication.throttled.rate: bytes a second.</summary>
    public long LeaderThrottledRate { get; init; } = long.MaxValue;

    /// <summary>auto.leader.rebalance.enable: preferred leaders get their partitions back.</summary>
    public bool AutoLeaderRebalance { get; init; } = true;

    /// <summary>leader.imbalance.check.interval.seconds: how often they are looked for.</summary>
    public long LeaderImbalanceCheckIntervalSeconds { get; init; } = 300;

    /// <summary>replica.selector.class is Kafka's RackAwareReplicaSelector: a consumer that names its rack is sent to an
    /// in-sync replica there (KIP-392).</summary>
    public bool SelectsReplicaByRack { get; init; }
}
