using Loire.Grains.Interfaces;

namespace Loire.Grains.Transactions;

/// <summary>Stands for what is to come: there are no transactions yet.</summary>
[GrainType(GrainTypes.TransactionName)]
internal sealed class TransactionGrain : Grain, ITransactionGrain
{
    public Task<TransactionalProducer> InitProducerIdAsync(int timeoutMs) =>
        Task.FromResult(new TransactionalProducer((short)ErrorCode.UnsupportedVersion, -1, -1));

    public Task<short> EndAsync(long producerId, short producerEpoch, bool commits) =>
        Task.FromResult((short)ErrorCode.UnsupportedVersion);
}
