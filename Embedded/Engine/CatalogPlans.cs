using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>What each request becomes in the state it meets, or why it is refused.</summary>
internal static class CatalogPlans
{
    public static TopicCreated Create(CatalogState state, NewTopic topic, TopicId id)
    {
        if (state.Topics.Find(topic.Name) is not null) throw TopicPlans.AlreadyExists(topic.Name);
        if (state.FindCollision(topic.Name) is { } other) throw TopicPlans.Collides(topic.Name, other);
        var plan = TopicPlans.Create(topic, state.Configs.Broker, [new PlacementBroker(state.Node)]);
        return new TopicCreated(topic.Name.Value, id.Value, plan.Placements.Length, plan.ConfigOverrides);
    }

    public static TopicDeleted Delete(CatalogState state, TopicId id) =>
        state.Topics.Find(id) is not null
            ? new TopicDeleted(id.Value)
            : throw TopicPlans.Unknown(id);

    public static PartitionsAdded Grow(
        CatalogState state, TopicName name, int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments)
    {
        var topic = FindTopic(state, name);
        var added = TopicPlacement.Grow(
            name,
            topic.Partitions.Length,
            topic.Partitions[0].Replicas.Length,
            totalCount,
            assignments,
            [new PlacementBroker(state.Node)]);
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
        var overrides = resource.Type == ConfigResourceType.Topic
            ? TopicPlans.TopicOverrides(after)
            : TopicPlans.BrokerOverrides(after);
        return new ConfigsSet(resource.Type, resource.Name, overrides);
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
        state.Topics.Find(name) ?? throw TopicPlans.Unknown(name);
}
