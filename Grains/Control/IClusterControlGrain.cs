using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>What brokers and topic controllers ask of the cluster's controller; <see cref="IClusterControl"/> says what the
/// calls mean. The key is <see cref="IClusterGrain.Key"/>. Refusals are <see cref="LoireException"/>s.</summary>
[Alias("Loire.IClusterControlGrain")]
internal interface IClusterControlGrain : IGrainWithStringKey
{
    /// <returns>Without brokers while none ever registered.</returns>
    [Alias("ReadAsync"), ResponseTimeout("00:00:03")]
    Task<ClusterRecord> ReadAsync();

    /// <param name="silo">That of the broker.</param>
    /// <exception cref="LoireException">Also BROKER_NOT_AVAILABLE while the broker's earlier run is silent but not declared
    /// dead: ask again.</exception>
    [Alias("RegisterAsync"), ResponseTimeout("00:00:10")]
    Task<ClusterRecord> RegisterAsync(BrokerEndpoint endpoint, string directoryId, string? clusterId, SiloAddress silo);

    [Alias("DrainAsync"), ResponseTimeout("00:00:05")]
    Task<ClusterRecord> DrainAsync(NodeId broker, long generation);

    [Alias("UndrainAsync"), ResponseTimeout("00:00:05")]
    Task<ClusterRecord> UndrainAsync(NodeId broker, long generation);

    [Alias("UnregisterAsync"), ResponseTimeout("00:00:30")]
    Task<ClusterRecord> UnregisterAsync(NodeId broker);

    [Alias("SetBrokerConfigsAsync"), ResponseTimeout("00:00:10")]
    Task<ClusterRecord> SetBrokerConfigsAsync(
        string broker, ImmutableSortedDictionary<string, string> overrides, long version);

    /// <summary>The names of all topics that were ever created and are not known to be gone.</summary>
    [Alias("ListTopicNamesAsync"), ResponseTimeout("00:00:03")]
    Task<ImmutableArray<string>> ListTopicNamesAsync();

    /// <summary>Notes the name of a topic that is about to be created.</summary>
    /// <param name="version">Of the record to be.</param>
    /// <param name="absent">Topics of which the caller knows that there are none: they are in nobody's way.</param>
    /// <returns>The topic whose name differs from this one by '.' and '_' alone, and which keeps it from being noted; null
    /// where it is noted.</returns>
    [Alias("AddTopicNameAsync"), ResponseTimeout("00:00:05")]
    Task<string?> AddTopicNameAsync(string topic, long version, ImmutableArray<string> absent, bool validateOnly);

    /// <summary>Drops the name of a topic that no broker keeps anything of.</summary>
    /// <param name="version">Of its deletion: a name that was noted since stays.</param>
    [Alias("ForgetTopicNameAsync"), ResponseTimeout("00:00:05")]
    Task ForgetTopicNameAsync(string topic, long version);

    [Alias("ReserveProducerIdBlockAsync"), ResponseTimeout("00:00:05")]
    Task<long> ReserveProducerIdBlockAsync(int count);
}
