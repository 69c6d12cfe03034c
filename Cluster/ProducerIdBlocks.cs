using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>Producer ids in blocks that the cluster reserved for this broker. What is left of a block when the broker stops
/// is never used.</summary>
public sealed class ProducerIdBlocks(IClusterControl control) : IProducerIds
{
    private const int BlockSize = 1_000;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _next;
    private long _end;

    /// <exception cref="KafkaException">COORDINATOR_NOT_AVAILABLE while no block can be reserved: clients ask again.</exception>
    public async ValueTask<ProducerId> NextAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_next == _end)
            {
                _next = await control.ReserveProducerIdsAsync(BlockSize, cancellationToken);
                _end = _next + BlockSize;
            }

            return new ProducerId(_next++);
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
}
