using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>What each request becomes in the state it meets, or why it is refused.</summary>
internal static class CatalogPlans
{
    public static TopicCreated Create(CatalogState state, NewTopic topic, TopicId id)
    {
        if (TopicNames.FindFault(topic.Name) is { } fault)
            throw new KafkaException(ErrorCode.InvalidTopicException, fault);
        if (topic.Name == TopicNames.ClusterMetadata)
            throw new KafkaException(ErrorCode.InvalidRequest, $"Topic {topic.Name} is Kafka's own and cannot be created.");
        if (state.Topics.Find(topic.Name) is not null)
            throw new KafkaException(ErrorCode.TopicAlreadyExists, $"Topic '{topic.Name}' already exists.");
        if (state.FindCollision(topic.Name) is { } other)
        {
            throw new KafkaException(
                ErrorCode.InvalidTopicException,
                $"Topic '{topic.Name}' collides with '{other}': metric names cannot tell '.' and '_' apart.");
        }

        var configs = TopicConfigTable.Table.Normalize(topic.ConfigOverrides);
        var partitions = TopicPlacement.Place(topic, state.Configs.Broker, [state.Node]);
        return new TopicCreated(topic.Name.Value, id.Value, partitions.Length, configs);
    }

    public static TopicDeleted Delete(CatalogState state, TopicId id) =>
        state.Topics.Find(id) is not null
            ? new TopicDeleted(id.Value)
            : throw new KafkaException(ErrorCode.UnknownTopicId, $"There is no topic with the id {id}.");

    public static PartitionsAdded Grow(
        CatalogState state, TopicName name, int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments)
    {
        var topic = FindTopic(state, name);
        var added = TopicPlacement.Grow(topic, totalCount, assignments, [state.Node]);
        return new PartitionsAdded(topic.Id.Value, topic.Partitions.Length + added.Length);
    }

    public static ConfigsSet Alter(
        CatalogState state,
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change)
    {
        CheckResource(state, resource);
        var before = state.GetOverrides(resource);
        var after = change(before);
        if (resource.Type == ConfigResourceType.Topic)
            return new ConfigsSet(resource.Type, resource.Name, TopicConfigTable.Table.Normalize(after));

        var normalized = BrokerConfigTable.Table.Normalize(after);
        foreach (var name in normalized.Keys)
        {
            if (!BrokerConfigTable.Table.Get(name).IsDynamic)
            {
                throw new KafkaException(
                    ErrorCode.InvalidConfig,
                    $"The broker config {name} cannot be changed on a running broker: set it in the host's configuration.");
            }
        }

        return new ConfigsSet(resource.Type, resource.Name, normalized);
    }

    private static void CheckResource(CatalogState state, ConfigResource resource)
    {
        switch (resource.Type)
        {
            case ConfigResourceType.Topic:
                FindTopic(state, new TopicName(resource.Name));
                break;
            case ConfigResourceType.Broker when resource.Name.Length == 0:
            case ConfigResourceType.Broker when string.Equals(resource.Name, state.Node.ToString(), StringComparison.Ordinal):
                break;
            case ConfigResourceType.Broker:
                throw new KafkaException(
                    ErrorCode.InvalidRequest,
                    $"There is no broker '{resource.Name}': expected {state.Node}, or nothing for all brokers.");
            default:
                throw new KafkaException(ErrorCode.InvalidRequest, $"Resources of type {resource.Type} have no configs here.");
        }
    }

    private static TopicMetadata FindTopic(CatalogState state, TopicName name) =>
        state.Topics.Find(name)
        ?? throw new KafkaException(ErrorCode.UnknownTopicOrPartition, $"Topic '{name}' does not exist.");
}
