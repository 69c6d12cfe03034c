namespace Loire.Client;

/// <summary>Hands the batches of a consumer to its one reader.</summary>
/// <param name="assign">Says what is read into a queue.</param>
internal sealed class BatchReader(ClientContext context, ConsumerOptions options, Func<FetchQueue, IAssignment> assign)
{
    private int _isReading;

    /// <summary>Each enumeration starts anew, with a queue and an assignment of its own.</summary>
    public async IAsyncEnumerator<ConsumeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isReading, 1) == 1)
            throw new InvalidOperationException("The consumer is being read already: make one consumer for each reader.");
        try
        {
            var queue = new FetchQueue(context, options);
            await using var reading = new Reading(queue, assign(queue), cancellationToken);
            while (true)
                yield return await queue.ReadAsync(cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isReading, 0);
        }
    }
}
