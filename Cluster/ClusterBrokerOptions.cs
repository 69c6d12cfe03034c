using System.Net;
using Loire.Broker.Configs;
using Loire.Broker.Gateway;
using Loire.Broker.Ports;

namespace Loire.Cluster;

/// <summary>What a broker of a cluster is told by its host.</summary>
public sealed record ClusterBrokerOptions
{
    /// <summary>The broker's id and rack, and where clients and other brokers reach it: a port other than 0.</summary>
    public required BrokerEndpoint Endpoint { get; init; }

    /// <summary>Where the Kafka port is opened.</summary>
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>Of the data directory: a broker that comes back with another one has lost all its replicas.</summary>
    public required string DirectoryId { get; init; }

    /// <summary>The cluster that the data directory belongs to; null for a new directory.</summary>
    public string? ClusterId { get; init; }

    /// <summary>Called with the cluster's id once the broker is registered, before it writes anything, so that the host can
    /// note it in the data directory.</summary>
    public Action<string> OnRegistered { get; init; } = static _ => { };

    /// <summary>The host's configuration.</summary>
    public required ConfigLayers Configs { get; init; }

    public GatewayOptions Gateway { get; init; } = new();

    /// <summary>How long a stop may take to hand the leaderships over, and then to answer requests in flight.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
