using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Grains.Serialization;

/// <summary>The cluster on its way between silos.</summary>
[GenerateSerializer, Immutable, Alias("Loire.ClusterRecord")]
internal struct ClusterRecordSurrogate
{
    [Id(0)] public string ClusterId;
    [Id(1)] public long Version;
    [Id(2)] public ImmutableArray<BrokerRegistrationSurrogate> Brokers;
    [Id(3)] public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>> BrokerConfigs;
}

[GenerateSerializer, Immutable, Alias("Loire.BrokerRegistration")]
internal struct BrokerRegistrationSurrogate
{
    [Id(0)] public BrokerEndpoint Endpoint;
    [Id(1)] public long Generation;
    [Id(2)] public string DirectoryId;
    [Id(3)] public bool IsDraining;
    [Id(4)] public bool IsRetired;
}

[GenerateSerializer, Immutable, Alias("Loire.BrokerEndpoint")]
internal struct BrokerEndpointSurrogate
{
    [Id(0)] public int Node;
    [Id(1)] public string Host;
    [Id(2)] public int Port;
    [Id(3)] public string? Rack;
}

[RegisterConverter]
internal sealed class ClusterRecordConverter : IConverter<ClusterRecord, ClusterRecordSurrogate>
{
    public ClusterRecord ConvertFromSurrogate(in ClusterRecordSurrogate surrogate) => new(
        surrogate.ClusterId,
        surrogate.Version,
        [.. surrogate.Brokers.Select(broker => new BrokerRegistration(
            broker.Endpoint,
            new(broker.Endpoint.Node, broker.Generation, broker.DirectoryId),
            broker.IsDraining,
            broker.IsRetired))],
        surrogate.BrokerConfigs);

    public ClusterRecordSurrogate ConvertToSurrogate(in ClusterRecord value) => new()
    {
        ClusterId = value.ClusterId,
        Version = value.Version,
        Brokers = [.. value.Brokers.Select(broker => new BrokerRegistrationSurrogate
        {
            Endpoint = broker.Endpoint,
            Generation = broker.Started.Generation,
            DirectoryId = broker.Started.DirectoryId,
            IsDraining = broker.IsDraining,
            IsRetired = broker.IsRetired,
        })],
        BrokerConfigs = value.BrokerConfigs,
    };
}

[RegisterConverter]
internal sealed class BrokerEndpointConverter : IConverter<BrokerEndpoint, BrokerEndpointSurrogate>
{
    public BrokerEndpoint ConvertFromSurrogate(in BrokerEndpointSurrogate surrogate) =>
        new(new NodeId(surrogate.Node), surrogate.Host, surrogate.Port, surrogate.Rack);

    public BrokerEndpointSurrogate ConvertToSurrogate(in BrokerEndpoint value) =>
        new() { Node = value.Node.Value, Host = value.Host, Port = value.Port, Rack = value.Rack };
}
