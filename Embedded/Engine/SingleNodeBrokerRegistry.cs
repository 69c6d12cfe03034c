using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>A broker that is alone is up while anybody asks, and knows of no other.</summary>
public sealed class SingleNodeBrokerRegistry(NodeId self) : IBrokerRegistry
{
    public Task UnregisterAsync(NodeId broker, CancellationToken cancellationToken) => Task.FromException(broker == self
        ? new KafkaException(ErrorCode.PolicyViolation, $"Broker {self} is up, and alone: it cannot be unregistered.")
        : new KafkaException(
            ErrorCode.BrokerIdNotRegistered, $"No broker {broker} is registered: broker {self} is alone."));
}
