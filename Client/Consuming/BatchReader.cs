namespace Loire.Client;

/// <summary>Hands the batches of a consumer to its one reader.</summary>
internal sealed class BatchReader(ClientContext context, ConsumerOptions options, Func<IAssignment> assign)
{
    private int _isReading;

    /// <summary>Each enumeration starts anew, with an assignment of its own.</summary>
    public async IAsyncEnumerator<ConsumeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isReading, 1) == 1)
            throw new InvalidOperationException("The consumer is being read already: make one consumer for each reader.");
        try
        {
            await using var reading = new Reading(context, assign(), options, cancellationToken);
            while (true)
                yield return await reading.Queue.ReadAsync(cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isReading, 0);
        }
    }
}
