namespace Loire.Grains.Interfaces;

/// <summary>The coordinator of a transactional producer; the key is the transactional id. Only its shape stands: every
/// call answers UNSUPPORTED_VERSION (35) until transactions are built.</summary>
[Alias("Loire.ITransactionGrain")]
public interface ITransactionGrain : IGrainWithStringKey
{
    [Alias("InitProducerIdAsync")]
    Task<TransactionalProducer> InitProducerIdAsync(int timeoutMs);

    /// <returns>Kafka's error code.</returns>
    [Alias("EndAsync")]
    Task<short> EndAsync(long producerId, short producerEpoch, bool commits);
}

[GenerateSerializer, Immutable, Alias("Loire.TransactionalProducer")]
public sealed record TransactionalProducer(
    [property: Id(0)] short Error, [property: Id(1)] long ProducerId, [property: Id(2)] short ProducerEpoch);
