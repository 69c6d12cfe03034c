namespace Loire.Client;

/// <summary>Reads partitions: <c>await foreach (var batch in consumer)</c>. One reader at a time; each enumeration starts
/// anew, at the positions that the consumer was made with.</summary>
public sealed class LoireConsumer : IAsyncEnumerable<ConsumeBatch>
{
    private readonly BatchReader _reader;

    internal LoireConsumer(ClientContext context, ConsumerOptions options, Func<FetchQueue, IAssignment> assign) =>
        _reader = new BatchReader(context, options, assign);

    /// <exception cref="Grains.Interfaces.LoireException">Thrown while enumerating: UNKNOWN_TOPIC_OR_PARTITION,
    /// OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE …. What may pass is repeated and does not end the reading.</exception>
    public IAsyncEnumerator<ConsumeBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _reader.ReadAsync(cancellationToken);
}
