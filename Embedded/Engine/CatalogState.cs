using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>What the catalog's file says, up to some line. Immutable: the state after each change stands beside the one
/// before until the change is durable.</summary>
internal sealed record CatalogState(NodeId Node, MetadataSnapshot Topics, ConfigLayers Configs)
{
    private static readonly ImmutableSortedDictionary<string, string> NoOverrides =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    private ImmutableDictionary<string, TopicName> Collisions { get; init; } =
        ImmutableDictionary.Create<string, TopicName>(StringComparer.Ordinal);

    private ImmutableDictionary<ConfigResource, ImmutableSortedDictionary<string, string>> BrokerOverrides { get; init; } =
        ImmutableDictionary<ConfigResource, ImmutableSortedDictionary<string, string>>.Empty;

    /// <summary>How many lines it takes to say this state.</summary>
    public int LineCount => Topics.TopicCount + BrokerOverrides.Count;

    /// <summary>The topic whose name differs from <paramref name="name"/> by '.' and '_' alone.</summary>
    public TopicName? FindCollision(TopicName name) =>
        TopicNames.CollisionKey(name) is { } key && Collisions.TryGetValue(key, out var other) ? other : null;

    public ImmutableSortedDictionary<string, string> GetOverrides(ConfigResource resource) =>
        resource.Type == ConfigResourceType.Topic
            ? Topics.Find(new TopicName(resource.Name))?.ConfigOverrides ?? NoOverrides
            : BrokerOverrides.GetValueOrDefault(resource, NoOverrides);

    /// <exception cref="KafkaException">The change does not follow from this state: the file is damaged.</exception>
    public CatalogState Apply(CatalogChange change) => change switch
    {
        TopicCreated created => Create(created),
        PartitionsAdded added => Grow(Find(added.Id), added.Partitions),
        TopicDeleted deleted => Delete(Find(deleted.Id)),
        ConfigsSet { Type: ConfigResourceType.Topic } set => SetTopicConfigs(set),
        ConfigsSet set => SetBrokerConfigs(set),
        _ => throw new ArgumentOutOfRangeException(nameof(change), change, "unknown change"),
    };

    /// <summary>The shortest list of changes that leads from nothing to this state.</summary>
    public IEnumerable<CatalogChange> ToChanges()
    {
        foreach (var (resource, overrides) in BrokerOverrides)
            yield return new ConfigsSet(resource.Type, resource.Name, overrides);
        foreach (var topic in Topics.Topics)
            yield return new TopicCreated(topic.Name.Value, topic.Id.Value, topic.Partitions.Length, topic.ConfigOverrides);
    }

    private CatalogState Create(TopicCreated created)
    {
        var name = new TopicName(created.Name);
        if (Topics.Find(name) is not null || Topics.Find(new TopicId(created.Id)) is not null)
            throw new KafkaException(ErrorCode.TopicAlreadyExists, $"Topic '{name}' already exists.");
        var overrides = TopicConfigTable.Table.Normalize(created.Configs);
        var topic = new TopicMetadata(
            name,
            new TopicId(created.Id),
            TopicNames.IsInternal(name),
            AddPartitions([], created.Partitions),
            Configs.ResolveTopic(overrides),
            overrides);
        return this with
        {
            Topics = Topics.With(topic),
            Collisions = TopicNames.CollisionKey(name) is { } key ? Collisions.SetItem(key, name) : Collisions,
        };
    }

    private CatalogState Grow(TopicMetadata topic, int partitions) =>
        this with { Topics = Topics.With(topic with { Partitions = AddPartitions(topic.Partitions, partitions) }) };

    private CatalogState Delete(TopicMetadata topic) => this with
    {
        Topics = Topics.Without(topic),
        Collisions = TopicNames.CollisionKey(topic.Name) is { } key ? Collisions.Remove(key) : Collisions,
    };

    private CatalogState SetTopicConfigs(ConfigsSet set)
    {
        var topic = Topics.Find(new TopicName(set.Resource))
            ?? throw new KafkaException(ErrorCode.UnknownTopicOrPartition, $"Topic '{set.Resource}' does not exist.");
        var overrides = TopicConfigTable.Table.Normalize(set.Configs);
        return this with
        {
            Topics = Topics.With(topic with { ConfigOverrides = overrides, Config = Configs.ResolveTopic(overrides) }),
        };
    }

    private CatalogState SetBrokerConfigs(ConfigsSet set)
    {
        var resource = new ConfigResource(set.Type, set.Resource);
        var overrides = BrokerConfigTable.Table.Normalize(set.Configs);
        var configs = resource.Name.Length == 0 ? Configs.WithDynamicDefault(overrides) : Configs.WithDynamicBroker(overrides);
        var topics = Topics;
        foreach (var topic in Topics.Topics)
        {
            var config = configs.ResolveTopic(topic.ConfigOverrides);
            if (config != topic.Config)
                topics = topics.With(topic with { Config = config });
        }

        return this with
        {
            Configs = configs,
            Topics = topics,
            BrokerOverrides = overrides.IsEmpty
                ? BrokerOverrides.Remove(resource)
                : BrokerOverrides.SetItem(resource, overrides),
        };
    }

    private TopicMetadata Find(Guid id) =>
        Topics.Find(new TopicId(id))
        ?? throw new KafkaException(ErrorCode.UnknownTopicId, $"There is no topic with the id {new TopicId(id)}.");

    private ImmutableArray<PartitionMetadata> AddPartitions(ImmutableArray<PartitionMetadata> present, int count)
    {
        if (count <= present.Length)
            throw new KafkaException(ErrorCode.InvalidPartitions, $"{count} partitions after {present.Length}.");
        ImmutableArray<NodeId> replicas = [Node];
        return [.. present, .. Enumerable.Range(present.Length, count - present.Length).Select(index =>
            new PartitionMetadata(new PartitionIndex(index), Node, LeaderEpoch.Zero, replicas, replicas, []))];
    }
}
