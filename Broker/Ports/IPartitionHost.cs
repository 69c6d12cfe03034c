namespace Loire.Broker.Ports;

/// <summary>Keeps the local replicas in step with the catalog. The catalog calls it before it announces a change, one
/// call at a time.</summary>
public interface IPartitionHost
{
    /// <summary>Why no replica can be opened; null while they can.</summary>
    LogStoreException? Failure { get; }

    /// <summary>Opens the replicas of a topic that are not open yet, and applies its settings to all of them.</summary>
    void Apply(TopicMetadata topic);

    /// <summary>Closes a topic's replicas, answers what waits on them with UNKNOWN_TOPIC_OR_PARTITION, and deletes their
    /// logs; where that fails, the next start does.</summary>
    void Remove(TopicMetadata topic);
}
