using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>The brokers of the cluster and the addresses clients reach them at.</summary>
public interface IBrokerDirectory
{
    string ClusterId { get; }
    NodeId LocalNode { get; }
    NodeId Controller { get; }

    /// <summary>Those that are up.</summary>
    ImmutableArray<BrokerEndpoint> Brokers { get; }

    /// <summary>Those that belong to the cluster and are not up.</summary>
    ImmutableArray<BrokerEndpoint> Fenced => [];
}

public sealed record BrokerEndpoint(NodeId Node, string Host, int Port, string? Rack);
