namespace Loire.Client;

/// <summary>Producer ids that nobody else has, taken from the cluster in blocks.</summary>
internal sealed class ProducerIds(ClientContext context)
{
    private const int BlockSize = 64;

    private readonly SemaphoreSlim _turn = new(1);
    private long _next;
    private int _left;

    public async Task<long> NextAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_left == 0)
            {
                _next = await Retry.RunAsync(
                    context,
                    "Reserving producer ids",
                    () => context.Grains.Cluster.ReserveProducerIdsAsync(BlockSize),
                    cancellationToken);
                _left = BlockSize;
            }
            _left--;
            return _next++;
        }
        finally
        {
            _turn.Release();
        }
    }
}
