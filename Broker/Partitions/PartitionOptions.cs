using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What all partitions of a broker have in common.</summary>
public sealed record PartitionOptions
{
    /// <summary>This broker.</summary>
    public required NodeId Node { get; init; }

    /// <summary>producer.id.expiration.ms.</summary>
    public long ProducerIdExpirationMs { get; init; } = 86_400_000;

    /// <summary>log.retention.check.interval.ms.</summary>
    public long RetentionCheckIntervalMs { get; init; } = 300_000;
}
