using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Hands out producer ids that no producer ever had, over restarts too.</summary>
public interface IProducerIds
{
    ValueTask<ProducerId> NextAsync(CancellationToken cancellationToken);
}
