using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>The brokers of the cluster and the addresses clients reach them at.</summary>
public interface IBrokerDirectory
{
    string ClusterId { get; }
    NodeId LocalNode { get; }
    NodeId Controller { get; }
    ImmutableArray<BrokerEndpoint> Brokers { get; }
}

public sealed record BrokerEndpoint(NodeId Node, string Host, int Port, string? Rack);
