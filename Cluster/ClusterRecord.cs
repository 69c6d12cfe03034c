using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>What the cluster persists of itself: who belongs to it and the settings of its brokers. Immutable.</summary>
/// <param name="Version">Rises with every change.</param>
/// <param name="BrokerConfigs">What clients set, by broker id; under the empty name what holds for all brokers.</param>
public sealed record ClusterRecord(
    string ClusterId,
    long Version,
    ImmutableArray<BrokerRegistration> Brokers,
    ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>> BrokerConfigs)
{
    /// <summary>What a broker knows before it has reached the controllers.</summary>
    public static readonly ClusterRecord Unknown = new(
        "", -1, [], ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, string>>(StringComparer.Ordinal));

    public BrokerRegistration? Find(NodeId node) => Brokers.FirstOrDefault(broker => broker.Endpoint.Node == node);
}

/// <param name="Endpoint">Where Kafka clients and followers reach it.</param>
/// <param name="Started">Its present run: the generation is the replica epoch of its fetches.</param>
/// <param name="IsDraining">It hands its leaderships over: it is about to stop, or its log takes no records.</param>
/// <param name="IsRetired">It is to be unregistered: it is given no replicas any more, until it registers anew.</param>
public sealed record BrokerRegistration(
    BrokerEndpoint Endpoint, BrokerGeneration Started, bool IsDraining, bool IsRetired = false);
