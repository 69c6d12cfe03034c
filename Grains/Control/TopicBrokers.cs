using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>The brokers as the topic controllers of this silo see them. A silo may be younger than the news: before a
/// controller decides on brokers it has not heard of, it asks.</summary>
internal sealed class TopicBrokers(
    IClusterView view, IClusterLearner learner, IClusterMembershipService membership, LiveBrokers live, IGrainFactory grains)
{
    public ImmutableArray<NodeId> Registered => [.. view.Cluster.Brokers.Select(broker => broker.Endpoint.Node)];

    /// <summary>Those of them that are up.</summary>
    public IEnumerable<NodeId> Live => Registered.Where(view.Statuses.IsLive);

    /// <param name="broker">The one that asks; null where it does not matter which.</param>
    /// <exception cref="KafkaException">BROKER_NOT_AVAILABLE: no broker is known to be up. To decide anything then would put
    /// every partition offline.</exception>
    public async Task EnsureKnownAsync(NodeId? broker = null)
    {
        if (IsKnown()) return;
        await membership.Refresh();
        live.Learn(membership.CurrentSnapshot);
        learner.Learn(await grains.GetGrain<IClusterControlGrain>(IClusterGrain.Key).ReadAsync());
        if (!view.Cluster.Brokers.Any(known => view.Statuses.IsLive(known.Endpoint.Node)))
        {
            throw new KafkaException(ErrorCode.BrokerNotAvailable, "No registered broker is known to be up.");
        }

        bool IsKnown() => broker is { } node
            ? view.Statuses.IsLive(node) && view.Cluster.Find(node) is not null
            : view.Cluster.Brokers.Any(known => view.Statuses.IsLive(known.Endpoint.Node));
    }
}
