using Loire.Broker.Ports;
using Loire.Grains.Interfaces;
using Loire.Grains.Storage;

namespace Loire.Grains.Control;

/// <summary>A controller: it tells refusals in the form that callers in other processes can read.</summary>
internal abstract class ControlGrain : Grain, IIncomingGrainCallFilter
{
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        try
        {
            await context.Invoke();
        }
        catch (KafkaException refusal)
        {
            throw new LoireException((short)refusal.Code, refusal.Message);
        }
        catch (StoredStateException)
        {
            // It may be this silo alone that cannot reach the storage: the next call may find a place for the controller where
            // it can be reached.
            DeactivateOnIdle();
            throw;
        }
    }
}
