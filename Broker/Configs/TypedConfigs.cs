using System.Collections.Immutable;
using System.Globalization;
using Loire.Broker.Ports;
using Loire.Protocol.Records;

namespace Loire.Broker.Configs;

/// <summary>Turns the layers of names and values into the typed settings.</summary>
internal static class TypedConfigs
{
    public static BrokerConfig ReadBroker(ConfigLayers layers)
    {
        return new()
        {
            AutoCreateTopics = Flag("auto.create.topics.enable"),
            DeleteTopics = Flag("delete.topic.enable"),
            NumPartitions = Int("num.partitions"),
            DefaultReplicationFactor = Int("default.replication.factor"),
            RetentionCheckIntervalMs = Long("log.retention.check.interval.ms"),
            ProducerIdExpirationMs = Int("producer.id.expiration.ms"),
            SocketRequestMaxBytes = Int("socket.request.max.bytes"),
            QueuedMaxRequestBytes = Limit(Text("queued.max.request.bytes")),
            MaxConnections = Int("max.connections"),
            MaxConnectionsPerIp = Int("max.connections.per.ip"),
            ConnectionsMaxIdleMs = Long("connections.max.idle.ms"),
            FetchMaxBytes = Int("fetch.max.bytes"),
            FetchSessionSlots = Int("max.incremental.fetch.session.cache.slots"),
            MaxRequestPartitions = Int("max.request.partition.size.limit"),
            GroupInitialRebalanceDelayMs = Int("group.initial.rebalance.delay.ms"),
            GroupMinSessionTimeoutMs = Int("group.min.session.timeout.ms"),
            GroupMaxSessionTimeoutMs = Int("group.max.session.timeout.ms"),
            GroupMaxSize = Int("group.max.size"),
            OffsetMetadataMaxBytes = Int("offset.metadata.max.bytes"),
            OffsetsRetentionMs = Long("offsets.retention.minutes") * 60_000,
            OffsetsRetentionCheckIntervalMs = Long("offsets.retention.check.interval.ms"),
            OffsetsTopicPartitions = Int("offsets.topic.num.partitions"),
            OffsetsTopicReplicationFactor = Int("offsets.topic.replication.factor"),
            ReplicaLagTimeMaxMs = Long("replica.lag.time.max.ms"),
            ReplicaFetchMinBytes = Int("replica.fetch.min.bytes"),
            ReplicaFetchWaitMaxMs = Int("replica.fetch.wait.max.ms"),
            ReplicaFetchMaxBytes = Int("replica.fetch.max.bytes"),
            ReplicaFetchResponseMaxBytes = Int("replica.fetch.response.max.bytes"),
            ReplicaSocketTimeoutMs = Int("replica.socket.timeout.ms"),
            FollowerThrottledRate = Long("follower.replication.throttled.rate"),
            LeaderThrottledRate = Long("leader.replication.throttled.rate"),
            AutoLeaderRebalance = Flag("auto.leader.rebalance.enable"),
            LeaderImbalanceCheckIntervalSeconds = Long("leader.imbalance.check.interval.seconds"),
            SelectsReplicaByRack = layers.DescribeBroker(BrokerConfigTable.Table.Get("replica.selector.class")).Value is not null,
        };

        string Text(string name) => layers.DescribeBroker(BrokerConfigTable.Table.Get(name)).Value!;
        bool Flag(string name) => bool.Parse(Text(name));
        int Int(string name) => int.Parse(Text(name), CultureInfo.InvariantCulture);
        long Long(string name) => long.Parse(Text(name), CultureInfo.InvariantCulture);
    }

    public static TopicConfig ReadTopic(ConfigLayers layers, ImmutableSortedDictionary<string, string> overrides)
    {
        var policies = ConfigDefinition.SplitList(Text("cleanup.policy"));
        return new()
        {
            MaxMessageBytes = Int("max.message.bytes"),
            LogAppendTime = string.Equals(Text("message.timestamp.type"), "LogAppendTime", StringComparison.Ordinal),
            TimestampBeforeMaxMs = Long("message.timestamp.before.max.ms"),
            TimestampAfterMaxMs = Long("message.timestamp.after.max.ms"),
            RetentionMs = Limit(Text("retention.ms")),
            RetentionBytes = Limit(Text("retention.bytes")),
            Delete = policies.Contains("delete", StringComparer.Ordinal),
            Compact = policies.Contains("compact", StringComparer.Ordinal),
            Compression = Codec(Text("compression.type")),
            MinInSyncReplicas = Int("min.insync.replicas"),
            FollowerThrottledReplicas = Replicas("follower.replication.throttled.replicas"),
            LeaderThrottledReplicas = Replicas("leader.replication.throttled.replicas"),
            UncleanLeaderElection = bool.Parse(Text("unclean.leader.election.enable")),
        };

        ThrottledReplicas Replicas(string name) => ThrottledReplicas.TryParse(ConfigDefinition.SplitList(Text(name)))!;
        string Text(string name) => layers.DescribeTopic(TopicConfigTable.Table.Get(name), overrides).Value!;
        int Int(string name) => int.Parse(Text(name), CultureInfo.InvariantCulture);
        long Long(string name) => long.Parse(Text(name), CultureInfo.InvariantCulture);
    }

    private static long? Limit(string value) =>
        long.Parse(value, CultureInfo.InvariantCulture) is var limit && limit < 0 ? null : limit;

    private static CompressionCodec? Codec(string name) => name switch
    {
        "producer" => null,
        "uncompressed" => CompressionCodec.None,
        "gzip" => CompressionCodec.Gzip,
        "snappy" => CompressionCodec.Snappy,
        "lz4" => CompressionCodec.Lz4,
        "zstd" => CompressionCodec.Zstd,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "compression.type was not checked"),
    };
}
