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

/// <summary>All topics at one moment. Immutable; a later snapshot has a higher version. A change costs the logarithm of
/// the number of topics, so that creating thousands one by one stays cheap.</summary>
public sealed class MetadataSnapshot
{
    public static readonly MetadataSnapshot Empty =
        new(0, ImmutableDictionary<TopicName, TopicMetadata>.Empty, ImmutableDictionary<TopicId, TopicMetadata>.Empty);

    private readonly ImmutableDictionary<TopicName, TopicMetadata> _byName;
    private readonly ImmutableDictionary<TopicId, TopicMetadata> _byId;
    private readonly Lazy<ImmutableArray<TopicMetadata>> _sorted;

    public MetadataSnapshot(long version, IEnumerable<TopicMetadata> topics)
        : this(
            version,
            topics.ToImmutableDictionary(topic => topic.Name),
            ImmutableDictionary<TopicId, TopicMetadata>.Empty) =>
        _byId = _byName.Values.ToImmutableDictionary(topic => topic.Id);

    private MetadataSnapshot(
        long version,
        ImmutableDictionary<TopicName, TopicMetadata> byName,
        ImmutableDictionary<TopicId, TopicMetadata> byId)
    {
        Version = version;
        _byName = byName;
        _byId = byId;
        _sorted = new(() => [.. _byName.Values.OrderBy(topic => topic.Name.Value, StringComparer.Ordinal)]);
    }

    public long Version { get; }
    public int TopicCount => _byName.Count;

    /// <summary>In the ordinal order of their names; sorted when first asked for.</summary>
    public ImmutableArray<TopicMetadata> Topics => _sorted.Value;

    public TopicMetadata? Find(TopicName name) => _byName.GetValueOrDefault(name);
    public TopicMetadata? Find(TopicId id) => _byId.GetValueOrDefault(id);

    /// <summary>The next snapshot: <paramref name="topic"/> added, or in the place of the one of its name and id.</summary>
    public MetadataSnapshot With(TopicMetadata topic) =>
        new(Version + 1, _byName.SetItem(topic.Name, topic), _byId.SetItem(topic.Id, topic));

    /// <summary>The next snapshot, without <paramref name="topic"/>.</summary>
    public MetadataSnapshot Without(TopicMetadata topic) =>
        new(Version + 1, _byName.Remove(topic.Name), _byId.Remove(topic.Id));
}
