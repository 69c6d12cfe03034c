using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>A cluster of one: this broker, which is its own controller.</summary>
public sealed class SingleNodeBrokerDirectory(DirectoryIdentity identity, string? rack) : IBrokerDirectory
{
    private ImmutableArray<BrokerEndpoint> _brokers = [];

    public string ClusterId => identity.ClusterId;
    public NodeId LocalNode => identity.NodeId;
    public NodeId Controller => identity.NodeId;

    /// <summary>Empty until the address is known.</summary>
    public ImmutableArray<BrokerEndpoint> Brokers => _brokers;

    /// <summary>Tells clients from now on to come to this address. Called when the listener is bound: only then is a port
    /// that the system chose known.</summary>
    public void Advertise(string host, int port) =>
        ImmutableInterlocked.InterlockedExchange(ref _brokers, [new BrokerEndpoint(LocalNode, host, port, rack)]);
}
