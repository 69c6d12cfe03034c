using Loire.Protocol;

namespace Loire.Broker.Topics;

/// <summary>A broker that replicas may be placed on.</summary>
/// <param name="Rack">Null where it names none.</param>
/// <param name="IsLive">False for a member of the cluster that is away: it gets replicas only where there are not enough
/// others.</param>
public readonly record struct PlacementBroker(NodeId Node, string? Rack = null, bool IsLive = true);
