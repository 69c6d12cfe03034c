using System.Collections.Frozen;
using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Where a partition is and who leads it.</summary>
public sealed record PartitionMetadata(
    PartitionIndex Index,
    NodeId Leader,
    LeaderEpoch LeaderEpoch,
    ImmutableArray<NodeId> Replicas,
    ImmutableArray<NodeId> InSyncReplicas,
    ImmutableArray<NodeId> OfflineReplicas);

/// <summary>A topic as the catalog announces it. Immutable.</summary>
/// <param name="Config">The settings in force: overrides over broker defaults.</param>
/// <param name="ConfigOverrides">What was set on the topic itself, by config name.</param>
public sealed record TopicMetadata(
    TopicName Name,
    TopicId Id,
    bool IsInternal,
    ImmutableArray<PartitionMetadata> Partitions,
    TopicConfig Config,
    ImmutableSortedDictionary<string, string> ConfigOverrides);

/// <summary>All topics at one moment. Immutable; a later snapshot has a higher version.</summary>
public sealed class MetadataSnapshot
{
    public static readonly MetadataSnapshot Empty = new(0, []);

    private readonly FrozenDictionary<TopicName, TopicMetadata> _byName;
    private readonly FrozenDictionary<TopicId, TopicMetadata> _byId;

    public MetadataSnapshot(long version, IEnumerable<TopicMetadata> topics)
    {
        Version = version;
        _byName = topics.ToFrozenDictionary(topic => topic.Name);
        _byId = _byName.Values.ToFrozenDictionary(topic => topic.Id);
    }

    public long Version { get; }
    public ImmutableArray<TopicMetadata> Topics => _byName.Values;

    public TopicMetadata? Find(TopicName name) => _byName.GetValueOrDefault(name);
    public TopicMetadata? Find(TopicId id) => _byId.GetValueOrDefault(id);
}
