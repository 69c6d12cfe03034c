using System.Collections.Immutable;

namespace Loire.Grains.Interfaces;

/// <summary>The controller of one topic; its key is the topic's name. Refusals are <see cref="LoireException"/>s with
/// the error codes of the Kafka request of the same name.</summary>
[Alias("Loire.ITopicGrain")]
public interface ITopicGrain : IGrainWithStringKey
{
    /// <summary>Soon answered or not at all: who waits for a leader asks here whether it still leads.</summary>
    /// <returns>Null where there is no such topic.</returns>
    [Alias("DescribeAsync"), ResponseTimeout("00:00:03")]
    Task<TopicDescription?> DescribeAsync();

    [Alias("CreateAsync")]
    Task<TopicDescription> CreateAsync(TopicSpecification specification);

    [Alias("DeleteAsync")]
    Task DeleteAsync();

    [Alias("AddPartitionsAsync")]
    Task<TopicDescription> AddPartitionsAsync(int totalCount);

    /// <summary>Sets (or, with a null value, removes) the named overrides and leaves the others.</summary>
    [Alias("AlterConfigsAsync")]
    Task<TopicDescription> AlterConfigsAsync(ImmutableDictionary<string, string?> changes);

    /// <summary>Has a partition led by its preferred replica, which is the first one, or, where no replica is in sync, by one
    /// that is not, which loses acknowledged records.</summary>
    /// <exception cref="LoireException">ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE,
    /// ELIGIBLE_LEADERS_NOT_AVAILABLE.</exception>
    [Alias("ElectLeaderAsync"), ResponseTimeout("00:00:10")]
    Task<TopicDescription> ElectLeaderAsync(int partition, bool isUnclean);

    /// <summary>Begins to move a partition: what is added catches up first, then what is not wanted any more goes.</summary>
    /// <param name="replicas">Node ids, the preferred leader first; null to cancel what is under way.</param>
    /// <exception cref="LoireException">INVALID_REPLICA_ASSIGNMENT, NO_REASSIGNMENT_IN_PROGRESS.</exception>
    [Alias("ReassignAsync"), ResponseTimeout("00:00:10")]
    Task<TopicDescription> ReassignAsync(int partition, ImmutableArray<int>? replicas);

    /// <summary>The partition that a key belongs to: murmur2, as the Java client has it.</summary>
    [Alias("GetPartitionAsync")]
    Task<int> GetPartitionAsync(ReadOnlyMemory<byte> key);
}

/// <param name="PartitionCount">-1 for the brokers' default.</param>
/// <param name="ReplicationFactor">-1 for the brokers' default.</param>
[GenerateSerializer, Immutable, Alias("Loire.TopicSpecification")]
public sealed record TopicSpecification(
    [property: Id(0)] int PartitionCount,
    [property: Id(1)] short ReplicationFactor,
    [property: Id(2)] ImmutableDictionary<string, string> Configs);

/// <param name="Version">Rises with every change.</param>
[GenerateSerializer, Immutable, Alias("Loire.TopicDescription")]
public sealed record TopicDescription(
    [property: Id(0)] string Name,
    [property: Id(1)] Guid Id,
    [property: Id(2)] long Version,
    [property: Id(3)] ImmutableArray<PartitionDescription> Partitions,
    [property: Id(4)] ImmutableDictionary<string, string> Configs);

/// <param name="Leader">-1 while the partition is offline.</param>
[GenerateSerializer, Immutable, Alias("Loire.PartitionDescription")]
public sealed record PartitionDescription(
    [property: Id(0)] int Index,
    [property: Id(1)] int Leader,
    [property: Id(2)] int LeaderEpoch,
    [property: Id(3)] ImmutableArray<int> Replicas,
    [property: Id(4)] ImmutableArray<int> InSyncReplicas);
