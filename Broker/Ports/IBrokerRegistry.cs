using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Who belongs to the cluster, as operators change it.</summary>
public interface IBrokerRegistry
{
    /// <summary>Makes the cluster forget a broker that will not come back, with its settings. Should it come after all, it
    /// registers anew.</summary>
    /// <exception cref="KafkaException">BROKER_ID_NOT_REGISTERED; POLICY_VIOLATION while it is up, or holds replicas: it gets no
    /// new ones then; DUPLICATE_BROKER_REGISTRATION: it came back meanwhile; REQUEST_TIMED_OUT: ask again.</exception>
    Task UnregisterAsync(NodeId broker, CancellationToken cancellationToken);
}
