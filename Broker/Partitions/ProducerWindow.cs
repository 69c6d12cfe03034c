using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>Keeps idempotent producers idempotent at one partition (KIP-98): a batch is taken once and in sequence.
/// A producer not known here, for it is new or was expired, may start with any sequence number; a new epoch of a known
/// one starts with 0.</summary>
internal sealed class ProducerWindow
{
    private readonly Dictionary<ProducerId, ProducerBatches> _producers = [];

    public int Count => _producers.Count;
    public IReadOnlyDictionary<ProducerId, ProducerBatches> Producers => _producers;

    /// <param name="original">The batch this one repeats; null where it does not.</param>
    /// <returns>NONE when the batch may be appended or repeats one; INVALID_PRODUCER_EPOCH; or
    /// OUT_OF_ORDER_SEQUENCE_NUMBER, also for repetitions of batches older than the last five.</returns>
    public ErrorCode Check(in RecordBatchHeader header, out BatchMark? original)
    {
        original = null;
        if (!header.HasProducerId || !_producers.TryGetValue(header.ProducerId, out var known)) return ErrorCode.None;
        if (header.ProducerEpoch < known.Epoch) return ErrorCode.InvalidProducerEpoch;
        if (header.ProducerEpoch > known.Epoch)
        {
            return header.BaseSequence == 0 ? ErrorCode.None : ErrorCode.OutOfOrderSequenceNumber;
        }

        original = known.Find(header.BaseSequence, header.LastSequence);
        return original is not null || known.IsNext(header.BaseSequence)
            ? ErrorCode.None
            : ErrorCode.OutOfOrderSequenceNumber;
    }

    /// <summary>Notes a batch that was appended at the offset its header says.</summary>
    public void Appended(in RecordBatchHeader header, long nowMs)
    {
        if (!header.HasProducerId || header.IsControl) return;
        if (!_producers.TryGetValue(header.ProducerId, out var batches) || batches.Epoch != header.ProducerEpoch)
        {
            batches = new ProducerBatches(header.ProducerEpoch);
            _producers[header.ProducerId] = batches;
        }

        batches.Add(BatchMark.Of(header));
        batches.LastAppendMs = nowMs;
    }

    public void Restore(ProducerId producer, ProducerBatches batches) => _producers[producer] = batches;

    /// <summary>Forgets batches that reach beyond <paramref name="end"/>, and producers that have no other.</summary>
    public void TruncateTo(Offset end)
    {
        foreach (var (producer, batches) in _producers)
        {
            batches.TruncateTo(end);
            if (batches.Count == 0) _producers.Remove(producer);
        }
    }

    /// <summary>Forgets producers that last appended <paramref name="expirationMs"/> ago or earlier.</summary>
    public void Expire(long nowMs, long expirationMs)
    {
        foreach (var (producer, batches) in _producers)
        {
            if (nowMs - batches.LastAppendMs >= expirationMs) _producers.Remove(producer);
        }
    }

    public void Clear() => _producers.Clear();
}
