using Loire.Cluster.Replicas;

namespace Loire.Cluster;

/// <param name="Reason">Why the broker is not ready, as a sentence; null where it is.</param>
public sealed record BrokerHealth(string? Reason, ReplicaCounts Replicas)
{
    public bool IsReady => Reason is null;
}
