using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>Producer ids in blocks that the cluster reserved for this broker. The next block is reserved when half of the one
/// in use is gone, so that producers can start through an outage of the controllers. What is left of the blocks when the
/// broker stops is never used.</summary>
public sealed class ProducerIdBlocks(IClusterControl control) : IProducerIds
{
    private const int BlockSize = 1_000;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private Block _current;
    private Task<Block>? _next;

    /// <summary>Has the first block reserved, before the first producer asks.</summary>
    public void Prepare() => _next = ReserveAsync();

    /// <exception cref="KafkaException">COORDINATOR_NOT_AVAILABLE while none is left and no block can be reserved: clients ask
    /// again.</exception>
    public async ValueTask<ProducerId> NextAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            // One that failed in the background is asked for anew with each id.
            if (_current.Left <= BlockSize / 2 && _next is null or { IsCompleted: true, IsCompletedSuccessfully: false })
                _next = ReserveAsync();
            if (_current.Left == 0)
            {
                _current = await _next!.WaitAsync(cancellationToken);
                _next = null;
            }

            return new ProducerId(_current.Take());
        }
        catch (ControlUnavailableException away)
        {
            throw new KafkaException(ErrorCode.CoordinatorNotAvailable, $"No producer ids can be reserved now: {away.Message}");
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<Block> ReserveAsync() =>
        new(await control.ReserveProducerIdsAsync(BlockSize, CancellationToken.None), BlockSize);

    private record struct Block(long First, int Left)
    {
        public long Take()
        {
            Left--;
            return First++;
        }
    }
}
