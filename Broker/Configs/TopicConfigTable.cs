using static Loire.Broker.Configs.ConfigRule;

namespace Loire.Broker.Configs;

/// <summary>The topic configs. Names, types and defaults are Kafka's (4.x).</summary>
public static class TopicConfigTable
{
    public static readonly ConfigTable Table = new(
        "topic",
        [
            .. Honoured,
            .. Shown.Select(definition => definition with { Effect = ConfigEffect.ShownOnly }),
        ],
        Refused);

    private static IEnumerable<ConfigDefinition> Honoured =>
    [
        new("cleanup.policy", ConfigType.List, "delete", EachOf("compact", "delete"),
            "delete drops old records by the retention settings; compact asks for a key on every record, and drops none yet.")
        { Fallbacks = [new("log.cleanup.policy")] },
        new("compression.type", ConfigType.String, "producer", OneOf("gzip", "lz4", "producer", "snappy", "uncompressed", "zstd"),
            "Codec of stored batches; producer keeps each batch as it was sent.")
        { Fallbacks = [new("compression.type")] },
        new("follower.replication.throttled.replicas", ConfigType.List, "", Replicas,
            "Replicas that fetch at follower.replication.throttled.rate at most while they are not in sync."),
        new("leader.replication.throttled.replicas", ConfigType.List, "", Replicas,
            "Replicas that, as leaders, send at leader.replication.throttled.rate at most to followers not in sync."),
        new("max.message.bytes", ConfigType.Int, "1048588", AtLeast(0),
            "Largest batch accepted, in bytes, its header included; no more than the host's BatchBytesMax.")
        { Fallbacks = [new("message.max.bytes")] },
        new("message.timestamp.after.max.ms", ConfigType.Long, "3600000", AtLeast(0),
            "How far a record's timestamp may lie ahead of the broker's clock.")
        { Fallbacks = [new("log.message.timestamp.after.max.ms")] },
        new("message.timestamp.before.max.ms", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "How far a record's timestamp may lie behind the broker's clock.")
        { Fallbacks = [new("log.message.timestamp.before.max.ms")] },
        new("message.timestamp.type", ConfigType.String, "CreateTime", OneOf("CreateTime", "LogAppendTime"),
            "Whether records keep the producer's timestamp or get the broker's.")
        { Fallbacks = [new("log.message.timestamp.type")] },
        new("min.insync.replicas", ConfigType.Int, "1", AtLeast(1),
            "Replicas that must be in sync for a produce with acks=all to be taken.")
        { Fallbacks = [new("min.insync.replicas")] },
        new("retention.bytes", ConfigType.Long, "-1", AtLeast(-1),
            "Bytes a partition keeps before it drops its oldest records; -1 for no limit.")
        { Fallbacks = [new("log.retention.bytes")] },
        new("retention.ms", ConfigType.Long, "604800000", AtLeast(-1), "How long records are kept; -1 for ever.")
        { Fallbacks = BrokerConfigTable.RetentionChain },
        new("unclean.leader.election.enable", ConfigType.Boolean, "false", Any,
            "Lets a replica that is not in sync lead where no other is up: what it lacks is lost. No effect on one broker.")
        { Fallbacks = [new("unclean.leader.election.enable")] },
    ];

    private static IEnumerable<ConfigDefinition> Shown =>
    [
        new("compression.gzip.level", ConfigType.Int, "-1", Between(1, 9).Or("-1"),
            "No effect: the codec's default level is used.")
        { Fallbacks = [new("compression.gzip.level")] },
        new("compression.lz4.level", ConfigType.Int, "9", Between(1, 17),
            "No effect: the codec's default level is used.")
        { Fallbacks = [new("compression.lz4.level")] },
        new("compression.zstd.level", ConfigType.Int, "3", Between(-131_072, 22),
            "No effect: the codec's default level is used.")
        { Fallbacks = [new("compression.zstd.level")] },
        new("delete.retention.ms", ConfigType.Long, "86400000", AtLeast(0), "No effect: compaction does not run yet.")
        { Fallbacks = [new("log.cleaner.delete.retention.ms")] },
        new("file.delete.delay.ms", ConfigType.Long, "60000", AtLeast(0),
            "No effect: space is reclaimed with the journal.")
        { Fallbacks = [new("log.segment.delete.delay.ms")] },
        new("flush.messages", ConfigType.Long, "9223372036854775807", AtLeast(1),
            "No effect: everything acknowledged with acks=all is synced.")
        { Fallbacks = [new("log.flush.interval.messages")] },
        new("flush.ms", ConfigType.Long, "9223372036854775807", AtLeast(0),
            "No effect: everything acknowledged with acks=all is synced.")
        { Fallbacks = [new("log.flush.interval.ms"), new("log.flush.scheduler.interval.ms")] },
        new("index.interval.bytes", ConfigType.Int, "4096", AtLeast(0), "No effect: every batch is indexed.")
        { Fallbacks = [new("log.index.interval.bytes")] },
        new("max.compaction.lag.ms", ConfigType.Long, "9223372036854775807", AtLeast(1),
            "No effect: compaction does not run yet.")
        { Fallbacks = [new("log.cleaner.max.compaction.lag.ms")] },
        new("min.cleanable.dirty.ratio", ConfigType.Double, "0.5", Between(0, 1),
            "No effect: compaction does not run yet.")
        { Fallbacks = [new("log.cleaner.min.cleanable.ratio")] },
        new("min.compaction.lag.ms", ConfigType.Long, "0", AtLeast(0), "No effect: compaction does not run yet.")
        { Fallbacks = [new("log.cleaner.min.compaction.lag.ms")] },
        new("preallocate", ConfigType.Boolean, "false", Any, "No effect: the journal's files are always preallocated.")
        { Fallbacks = [new("log.preallocate")] },
        new("remote.storage.enable", ConfigType.Boolean, "false", OneOf("false"), "Tiered storage is not supported."),
        new("segment.bytes", ConfigType.Int, "1073741824", AtLeast(14), "No effect: partitions share one journal.")
        { Fallbacks = [new("log.segment.bytes")] },
        new("segment.index.bytes", ConfigType.Int, "10485760", AtLeast(4), "No effect: indexes grow as needed.")
        { Fallbacks = [new("log.index.size.max.bytes")] },
        new("segment.jitter.ms", ConfigType.Long, "0", AtLeast(0), "No effect: partitions share one journal.")
        { Fallbacks = [new("log.roll.jitter.ms"), new("log.roll.jitter.hours", BrokerConfigTable.HourMs)] },
        new("segment.ms", ConfigType.Long, "604800000", AtLeast(1), "No effect: partitions share one journal.")
        { Fallbacks = [new("log.roll.ms"), new("log.roll.hours", BrokerConfigTable.HourMs)] },
    ];

    private static Dictionary<string, string> Refused => new(StringComparer.Ordinal)
    {
        ["local.retention.bytes"] = "it belongs to tiered storage, which Loire does not have",
        ["local.retention.ms"] = "it belongs to tiered storage, which Loire does not have",
        ["message.downconversion.enable"] = "Kafka 4.0 removed it together with the old message formats",
        ["message.format.version"] = "Kafka 4.0 removed it together with the old message formats",
        ["message.timestamp.difference.max.ms"] =
            "Kafka 4.0 replaced it by message.timestamp.before.max.ms and message.timestamp.after.max.ms",
        ["remote.log.copy.disable"] = "it belongs to tiered storage, which Loire does not have",
        ["remote.log.delete.on.disable"] = "it belongs to tiered storage, which Loire does not have",
    };
}
