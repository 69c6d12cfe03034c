namespace Loire.Client;

/// <summary>Producers, consumers and administration of a Loire cluster, over Orleans. One per process is enough; it is
/// thread-safe and works inside a silo, inside grains and in an external client.</summary>
public interface ILoireClient
{
    LoireAdmin Admin { get; }

    /// <summary>A producer batches across its callers: share one rather than making many.</summary>
    LoireProducer CreateProducer(ProducerOptions? options = null);

    /// <summary>Reads partitions of the caller's choice.</summary>
    LoireConsumer CreateConsumer(IEnumerable<PartitionStart> partitions, ConsumerOptions? options = null);

    /// <summary>Reads all partitions of a topic.</summary>
    LoireConsumer CreateConsumer(string topic, StartPosition start, ConsumerOptions? options = null);

    /// <summary>A member of a group, which spreads the partitions of its topics over its members.</summary>
    LoireGroupConsumer CreateGroupConsumer(
        string groupId, IReadOnlyList<string> topics, GroupConsumerOptions? options = null);
}
