namespace Loire.Client;

/// <summary>Reads partitions: <c>await foreach (var batch in consumer)</c>. One reader at a time; each enumeration starts
/// anew, at the positions that the consumer was made with.</summary>
public sealed class LoireConsumer : IAsyncEnumerable<ConsumeBatch>
{
    private readonly ClientContext _context;
    private readonly IAssignment _assignment;
    private readonly ConsumerOptions _options;
    private int _isReading;

    internal LoireConsumer(ClientContext context, IAssignment assignment, ConsumerOptions options)
    {
        _context = context;
        _assignment = assignment;
        _options = options;
    }

    /// <exception cref="Grains.Interfaces.LoireException">Thrown while enumerating: UNKNOWN_TOPIC_OR_PARTITION,
    /// OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE …. What may pass is repeated and does not end the reading.</exception>
    public async IAsyncEnumerator<ConsumeBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isReading, 1) == 1)
            throw new InvalidOperationException("The consumer is being read already: make one consumer for each reader.");
        var reading = new Reading(_context, _assignment, _options, cancellationToken);
        try
        {
            while (true)
                yield return await reading.Queue.ReadAsync(cancellationToken);
        }
        finally
        {
            await reading.DisposeAsync();
            _isReading = 0;
        }
    }
}
