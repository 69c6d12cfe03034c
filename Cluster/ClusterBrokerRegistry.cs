using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>Changes who belongs to the cluster by its controller.</summary>
public sealed class ClusterBrokerRegistry(ClusterView view, IClusterControl control) : IBrokerRegistry
{
    public Task UnregisterAsync(NodeId broker, CancellationToken cancellationToken) =>
        view.LearnAsync(control.UnregisterAsync(broker, cancellationToken));
}
