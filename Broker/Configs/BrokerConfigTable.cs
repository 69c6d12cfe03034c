using System.Collections.Immutable;
using static Loire.Broker.Configs.ConfigRule;

namespace Loire.Broker.Configs;

/// <summary>The broker configs. Names, types, defaults and what may change on a running broker are Kafka's (4.x).</summary>
public static class BrokerConfigTable
{
    public const long HourMs = 3_600_000;
    private const long MinuteMs = 60_000;

    public static readonly ImmutableArray<ConfigFallback> RetentionChain =
        [new("log.retention.ms"), new("log.retention.minutes", MinuteMs), new("log.retention.hours", HourMs)];

    public static readonly ConfigTable Table = new(
        "broker",
        [
            .. TopicDefaults.Select(definition => definition with { IsDynamic = true }),
            .. Limits.Select(definition => definition with { IsDynamic = true }),
            .. Fixed,
            .. ShownDynamic.Select(definition => definition with { IsDynamic = true, Effect = ConfigEffect.ShownOnly }),
            .. ShownFixed.Select(definition => definition with { Effect = ConfigEffect.ShownOnly }),
            .. HostOptions.Select(definition => definition with { Effect = ConfigEffect.HostOption }),
        ],
        Refused);

    private static IEnumerable<ConfigDefinition> TopicDefaults =>
    [
        new("compression.type", ConfigType.String, "producer", OneOf("gzip", "lz4", "producer", "snappy", "uncompressed", "zstd"),
            "Topics without a compression.type of their own."),
        new("log.cleanup.policy", ConfigType.List, "delete", EachOf("compact", "delete"),
            "Topics without a cleanup.policy of their own."),
        new("log.message.timestamp.after.max.ms", ConfigType.Long, "3600000", AtLeast(0),
            "Topics without a message.timestamp.after.max.ms of their own."),
        new("log.message.timestamp.before.max.ms", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "Topics without a message.timestamp.before.max.ms of their own."),
        new("log.message.timestamp.type", ConfigType.String, "CreateTime", OneOf("CreateTime", "LogAppendTime"),
            "Topics without a message.timestamp.type of their own."),
        new("log.retention.bytes", ConfigType.Long, "-1", AtLeast(-1),
            "Topics without a retention.bytes of their own."),
        new("log.retention.ms", ConfigType.Long, null, AtLeast(-1),
            "Topics without a retention.ms of their own; wins over minutes and hours.")
        { Fallbacks = [.. RetentionChain[1..]] },
        new("message.max.bytes", ConfigType.Int, "1048588", AtLeast(0),
            "Topics without a max.message.bytes of their own."),
        new("min.insync.replicas", ConfigType.Int, "1", AtLeast(1),
            "Topics without a min.insync.replicas of their own."),
        new("unclean.leader.election.enable", ConfigType.Boolean, "false", Any,
            "Topics without an unclean.leader.election.enable of their own."),
    ];

    private static IEnumerable<ConfigDefinition> Limits =>
    [
        new("follower.replication.throttled.rate", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "Bytes a second that a broker fetches for throttled replicas that are not in sync."),
        new("leader.replication.throttled.rate", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "Bytes a second that a broker sends of throttled replicas to followers that are not in sync."),
        new("max.connections", ConfigType.Int, "2147483647", AtLeast(0), "Connections open at a time."),
        new("max.connections.per.ip", ConfigType.Int, "2147483647", AtLeast(0),
            "Connections open at a time from one address."),
        new("producer.id.expiration.ms", ConfigType.Int, "86400000", AtLeast(1),
            "An idempotent producer that wrote nothing to a partition for longer is forgotten there."),
    ];

    private static IEnumerable<ConfigDefinition> Fixed =>
    [
        new("auto.create.topics.enable", ConfigType.Boolean, "true", Any,
            "A client that asks for the metadata of an unknown topic creates it."),
        new("auto.leader.rebalance.enable", ConfigType.Boolean, "true", Any,
            "A broker that was away gets the partitions back that it is the preferred leader of, once it is in sync."),
        new("connections.max.idle.ms", ConfigType.Long, "600000", AtLeast(1),
            "A connection without requests for longer is closed."),
        new("default.replication.factor", ConfigType.Int, "1", AtLeast(1),
            "Replicas of a topic created without saying how many."),
        new("delete.topic.enable", ConfigType.Boolean, "true", Any, "Clients may delete topics."),
        new("fetch.max.bytes", ConfigType.Int, "57671680", AtLeast(1024),
            "Largest Fetch answer, whatever the client asks for."),
        new("group.initial.rebalance.delay.ms", ConfigType.Int, "3000", AtLeast(0),
            "How long a new group waits for more members before its first rebalance."),
        new("group.max.session.timeout.ms", ConfigType.Int, "1800000", AtLeast(1),
            "Longest session timeout a group member may ask for."),
        new("group.max.size", ConfigType.Int, "2147483647", AtLeast(1), "Members of one group."),
        new("group.min.session.timeout.ms", ConfigType.Int, "6000", AtLeast(0),
            "Shortest session timeout a group member may ask for."),
        new("leader.imbalance.check.interval.seconds", ConfigType.Long, "300", Between(1, 4_000_000),
            "How often a broker looks for partitions that it should lead and does not."),
        new("log.retention.check.interval.ms", ConfigType.Long, "300000", AtLeast(1),
            "How often retention is applied."),
        new("log.retention.hours", ConfigType.Int, "168", AtLeast(-1),
            "Topics without a retention.ms of their own, in hours."),
        new("log.retention.minutes", ConfigType.Int, null, AtLeast(-1),
            "Topics without a retention.ms of their own, in minutes; wins over hours."),
        new("max.incremental.fetch.session.cache.slots", ConfigType.Int, "1000", AtLeast(0),
            "Fetch sessions kept at a time."),
        new("max.request.partition.size.limit", ConfigType.Int, "2000", AtLeast(1),
            "Partitions in one DescribeTopicPartitions answer."),
        new("num.partitions", ConfigType.Int, "1", AtLeast(1),
            "Partitions of a topic created without saying how many."),
        new("offset.metadata.max.bytes", ConfigType.Int, "4096", AtLeast(0),
            "Text a client may store with a committed offset, in bytes."),
        new("offsets.retention.check.interval.ms", ConfigType.Long, "600000", AtLeast(1),
            "How often expired offsets are looked for."),
        new("offsets.retention.minutes", ConfigType.Int, "10080", AtLeast(1),
            "How long the offsets of a group without members are kept."),
        new("offsets.topic.num.partitions", ConfigType.Int, "50", AtLeast(1),
            "Partitions of __consumer_offsets when it is created."),
        new("offsets.topic.replication.factor", ConfigType.Short, "3", AtLeast(1),
            "Replicas of __consumer_offsets when it is created; lowered to the number of brokers where there are fewer."),
        new("queued.max.request.bytes", ConfigType.Long, "-1", AtLeast(-1),
            "Request bytes held in memory at a time; -1 leaves it to the host."),
        new("replica.fetch.max.bytes", ConfigType.Int, "1048576", AtLeast(0),
            "What a follower asks for of one partition at a time; a larger batch still goes through."),
        new("replica.fetch.min.bytes", ConfigType.Int, "1", AtLeast(0), "How much a follower's fetch waits for."),
        new("replica.fetch.response.max.bytes", ConfigType.Int, "10485760", AtLeast(0),
            "What a follower asks for of all partitions at a time."),
        new("replica.fetch.wait.max.ms", ConfigType.Int, "500", AtLeast(0),
            "How long a follower's fetch waits; keep it below replica.lag.time.max.ms."),
        new("replica.lag.time.max.ms", ConfigType.Long, "30000", AtLeast(0),
            "A follower that was not caught up for longer leaves the in-sync replicas."),
        new("replica.selector.class", ConfigType.String, null, OneOf("org.apache.kafka.common.replica.RackAwareReplicaSelector"),
            "Set: a consumer that names its rack is sent to an in-sync replica there. By its Java name, as clients' tools have it."),
        new("replica.socket.timeout.ms", ConfigType.Int, "30000", AtLeast(1),
            "A follower gives up a leader that is silent for longer, and connects anew."),
        new("socket.request.max.bytes", ConfigType.Int, "104857600", AtLeast(1),
            "Largest Produce frame; a larger one closes its connection. Other requests may have 8 MiB."),
    ];

    private static IEnumerable<ConfigDefinition> ShownDynamic =>
    [
        new("background.threads", ConfigType.Int, "10", AtLeast(1), "No effect: the .NET thread pool sizes itself."),
        new("compression.gzip.level", ConfigType.Int, "-1", Between(1, 9).Or("-1"),
            "No effect: the codec's default level is used."),
        new("compression.lz4.level", ConfigType.Int, "9", Between(1, 17),
            "No effect: the codec's default level is used."),
        new("compression.zstd.level", ConfigType.Int, "3", Between(-131_072, 22),
            "No effect: the codec's default level is used."),
        new("log.cleaner.delete.retention.ms", ConfigType.Long, "86400000", AtLeast(0),
            "No effect: compaction does not run yet."),
        new("log.cleaner.max.compaction.lag.ms", ConfigType.Long, "9223372036854775807", AtLeast(1),
            "No effect: compaction does not run yet."),
        new("log.cleaner.min.cleanable.ratio", ConfigType.Double, "0.5", Between(0, 1),
            "No effect: compaction does not run yet."),
        new("log.cleaner.min.compaction.lag.ms", ConfigType.Long, "0", AtLeast(0),
            "No effect: compaction does not run yet."),
        new("log.cleaner.threads", ConfigType.Int, "1", AtLeast(0), "No effect: compaction does not run yet."),
        new("log.flush.interval.messages", ConfigType.Long, "9223372036854775807", AtLeast(1),
            "No effect: everything acknowledged with acks=all is synced."),
        new("log.flush.interval.ms", ConfigType.Long, null, AtLeast(0),
            "No effect: everything acknowledged with acks=all is synced."),
        new("log.index.interval.bytes", ConfigType.Int, "4096", AtLeast(0), "No effect: every batch is indexed."),
        new("log.index.size.max.bytes", ConfigType.Int, "10485760", AtLeast(4), "No effect: indexes grow as needed."),
        new("log.preallocate", ConfigType.Boolean, "false", Any,
            "No effect: the journal's files are always preallocated."),
        new("log.roll.jitter.ms", ConfigType.Long, null, AtLeast(0), "No effect: partitions share one journal."),
        new("log.roll.ms", ConfigType.Long, null, AtLeast(1), "No effect: partitions share one journal."),
        new("log.segment.bytes", ConfigType.Int, "1073741824", AtLeast(1_048_576),
            "No effect: partitions share one journal."),
        new("log.segment.delete.delay.ms", ConfigType.Long, "60000", AtLeast(0),
            "No effect: space is reclaimed with the journal."),
        new("num.io.threads", ConfigType.Int, "8", AtLeast(1), "No effect: the .NET thread pool sizes itself."),
        new("num.network.threads", ConfigType.Int, "3", AtLeast(1), "No effect: the .NET thread pool sizes itself."),
        new("num.recovery.threads.per.data.dir", ConfigType.Int, "2", AtLeast(1),
            "No effect: the journal is replayed once for all partitions."),
        new("num.replica.fetchers", ConfigType.Int, "1", AtLeast(1), "No effect on one broker: nothing is replicated."),
    ];

    private static IEnumerable<ConfigDefinition> ShownFixed =>
    [
        new("controlled.shutdown.enable", ConfigType.Boolean, "true", Any,
            "No effect on one broker: there is nobody to hand over to."),
        new("log.cleaner.enable", ConfigType.Boolean, "true", Any, "No effect: compaction does not run yet."),
        new("log.flush.scheduler.interval.ms", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "No effect: everything acknowledged with acks=all is synced."),
        new("log.roll.hours", ConfigType.Int, "168", AtLeast(1), "No effect: partitions share one journal."),
        new("log.roll.jitter.hours", ConfigType.Int, "0", AtLeast(0), "No effect: partitions share one journal."),
        new("offsets.commit.timeout.ms", ConfigType.Int, "5000", AtLeast(1),
            "No effect: a commit is answered when its record is written."),
        new("offsets.topic.segment.bytes", ConfigType.Int, "104857600", AtLeast(1),
            "No effect: partitions share one journal."),
        new("queued.max.requests", ConfigType.Int, "500", AtLeast(1),
            "No effect: each connection limits its own requests in flight."),
        new("socket.receive.buffer.bytes", ConfigType.Int, "102400", AtLeast(-1),
            "No effect: the operating system sizes its buffers."),
        new("socket.send.buffer.bytes", ConfigType.Int, "102400", AtLeast(-1),
            "No effect: the operating system sizes its buffers."),
    ];

    private static IEnumerable<ConfigDefinition> HostOptions =>
    [
        new("advertised.listeners", ConfigType.List, null, Any,
            "What clients are told to connect to, where that is not the listener: the host's option Advertise."),
        new("broker.rack", ConfigType.String, null, Any, "What clients are told as this broker's rack: the host's option Rack."),
        new("listeners", ConfigType.List, null, Any, "Where clients are listened for: the host's option Listen."),
        new("log.dirs", ConfigType.List, null, Any, "Where records are kept: the host's option DataDirectory."),
        new("node.id", ConfigType.Int, null, AtLeast(0), "The broker's id: the host's option NodeId."),
    ];

    private static Dictionary<string, string> Refused => new(StringComparer.Ordinal)
    {
        ["authorizer.class.name"] = "Loire does not load Java classes",
        ["broker.id"] = "the host has an option of its own for it",
        ["controller.listener.names"] = "Loire has no controller quorum",
        ["controller.quorum.bootstrap.servers"] = "Loire has no controller quorum",
        ["controller.quorum.voters"] = "Loire has no controller quorum",
        ["create.topic.policy.class.name"] = "Loire does not load Java classes",
        ["leader.imbalance.per.broker.percentage"] = "Kafka 4.0 removed it: all leaders go back, however few are away",
        ["log.dir"] = "the host has an option of its own for it",
        ["max.connection.creation.rate"] = "connection rates are not limited",
        ["max.connections.per.ip.overrides"] = "max.connections.per.ip holds for every address",
        ["offsets.topic.compression.codec"] = "offsets are written uncompressed",
        ["process.roles"] = "Loire has no controller quorum",
        ["transaction.max.timeout.ms"] = "transactions are not served",
        ["transaction.state.log.min.isr"] = "transactions are not served",
        ["transaction.state.log.num.partitions"] = "transactions are not served",
        ["transaction.state.log.replication.factor"] = "transactions are not served",
        ["zookeeper.connect"] = "Loire has no ZooKeeper",
    };
}
