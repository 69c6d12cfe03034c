using System.Collections.Immutable;

namespace Loire.Grains.Interfaces;

/// <summary>The cluster as a whole. There is one; its key is <see cref="Key"/>.</summary>
[Alias("Loire.IClusterGrain")]
public interface IClusterGrain : IGrainWithStringKey
{
    public const string Key = "cluster";

    [Alias("DescribeAsync"), ResponseTimeout("00:00:05")]
    Task<ClusterDescription> DescribeAsync();

    /// <summary>Makes the cluster forget a broker that will not come back, with its settings. Should it come after all, it
    /// registers anew.</summary>
    /// <exception cref="LoireException">BROKER_ID_NOT_REGISTERED; POLICY_VIOLATION while it is up, or holds replicas: it gets no
    /// new ones then; DUPLICATE_BROKER_REGISTRATION: it came back meanwhile; REQUEST_TIMED_OUT: ask again.</exception>
    [Alias("UnregisterBrokerAsync"), ResponseTimeout("00:00:30")]
    Task UnregisterBrokerAsync(int nodeId);

    /// <summary>The names of all topics, internal ones included.</summary>
    [Alias("ListTopicsAsync"), ResponseTimeout("00:00:05")]
    Task<ImmutableArray<string>> ListTopicsAsync();

    /// <summary>The groups that all live brokers coordinate, by their ids. One whose coordinator moves meanwhile may be
    /// missing.</summary>
    /// <exception cref="LoireException">COORDINATOR_LOAD_IN_PROGRESS: ask again.</exception>
    [Alias("ListGroupsAsync"), ResponseTimeout("00:00:10")]
    Task<ImmutableArray<GroupListing>> ListGroupsAsync();

    /// <summary>The first of <paramref name="count"/> producer ids that nobody else gets.</summary>
    [Alias("ReserveProducerIdsAsync"), ResponseTimeout("00:00:10")]
    Task<long> ReserveProducerIdsAsync(int count);
}

[GenerateSerializer, Immutable, Alias("Loire.ClusterDescription")]
public sealed record ClusterDescription(
    [property: Id(0)] string ClusterId, [property: Id(1)] ImmutableArray<BrokerDescription> Brokers);

/// <param name="Host">Where Kafka clients reach it.</param>
[GenerateSerializer, Immutable, Alias("Loire.BrokerDescription")]
public sealed record BrokerDescription(
    [property: Id(0)] int NodeId,
    [property: Id(1)] string Host,
    [property: Id(2)] int Port,
    [property: Id(3)] string? Rack,
    [property: Id(4)] bool IsAlive);
