using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>The brokers that are alive, as this one knows. Clients are shown the lowest of them as the controller: any
/// broker takes any administrative request, and this one changes seldom.</summary>
public sealed class ClusterBrokerDirectory(IClusterView view, NodeId self) : IBrokerDirectory, IReplicaAuthority
{
    public string ClusterId => view.Cluster.ClusterId;

    public NodeId LocalNode => self;

    public NodeId Controller => Brokers.Select(broker => broker.Node).DefaultIfEmpty(NodeId.None).MinBy(node => node.Value);

    public ImmutableArray<BrokerEndpoint> Brokers
    {
        get
        {
            var statuses = view.Statuses;
            return [.. view.Cluster.Brokers.Select(broker => broker.Endpoint).Where(broker => statuses.IsLive(broker.Node))];
        }
    }

    public ImmutableArray<BrokerEndpoint> Fenced
    {
        get
        {
            var statuses = view.Statuses;
            return [.. view.Cluster.Brokers.Select(broker => broker.Endpoint).Where(broker => !statuses.IsLive(broker.Node))];
        }
    }

    public BrokerEndpoint? Find(NodeId node) => view.Cluster.Find(node)?.Endpoint;

    /// <inheritdoc/>
    public ErrorCode Check(NodeId follower, long replicaEpoch) => view.Cluster.Find(follower) switch
    {
        null => ErrorCode.BrokerIdNotRegistered,
        { Started.Generation: var generation } when generation != replicaEpoch => ErrorCode.StaleBrokerEpoch,
        _ => ErrorCode.None,
    };
}
