using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.CreateTopicsRequest;
using static Loire.Protocol.Messages.CreateTopicsResponse;

namespace Loire.Broker.Handlers;

/// <summary>CreateTopics, versions 0 to 7. Deviation from Kafka: a timeout of zero or less does not cut the wait
/// short.</summary>
public sealed class CreateTopicsHandler(ITopicCatalog catalog) : RequestHandler<CreateTopicsRequest, CreateTopicsResponse>
{
    public override async ValueTask<CreateTopicsResponse> HandleAsync(RequestContext context, CreateTopicsRequest request)
    {
        using var deadline = AdminOutcome.Deadline(context, request.TimeoutMs);
        var partitions = request.Topics.Sum(topic => Math.Max(Math.Max(topic.NumPartitions, topic.Assignments.Count), 1L));
        var tooMany = partitions > TopicPlacement.MaxPartitionsPerRequest;
        var results = request.Topics
            .GroupBy(topic => topic.Name)
            .Select(topics => topics.Count() > 1
                ? Task.FromResult(Refuse(topics.Key, ErrorCode.InvalidRequest, "The request names this topic more than once."))
                : tooMany
                    ? Task.FromResult(Refuse(
                        topics.Key,
                        ErrorCode.PolicyViolation,
                        $"{partitions} partitions are too many for one request: the most are {TopicPlacement.MaxPartitionsPerRequest}."))
                    : CreateAsync(topics.First(), request.ValidateOnly, deadline.Token))
            .ToArray();
        return new() { Topics = [.. await Task.WhenAll(results)] };
    }

    private async Task<CreatableTopicResult> CreateAsync(CreatableTopic topic, bool validateOnly, CancellationToken deadline)
    {
        Task<TopicMetadata> creation;
        try
        {
            creation = catalog.CreateTopicAsync(Read(topic), validateOnly, CancellationToken.None);
        }
        catch (KafkaException refusal)
        {
            return Refuse(topic.Name, refusal.Code, refusal.Message);
        }

        var outcome = await AdminOutcome.OfAsync(creation, deadline);
        if (outcome.Error != ErrorCode.None)
            return Refuse(topic.Name, outcome.Error, outcome.Message);
        var created = await creation;
        return new()
        {
            Name = created.Name,
            TopicId = validateOnly ? TopicId.None : created.Id,
            ErrorMessage = null,
            NumPartitions = created.Partitions.Length,
            ReplicationFactor = (short)created.Partitions[0].Replicas.Length,
            Configs = [.. TopicConfigTable.Table.All.Select(definition => Describe(definition, created))],
        };
    }

    private NewTopic Read(CreatableTopic topic)
    {
        var configs = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var config in topic.Configs)
        {
            configs[config.Name] = config.Value
                ?? throw new KafkaException(ErrorCode.InvalidConfig, $"Null value not supported for topic config {config.Name}.");
            catalog.Configs.CheckBatchBytes(config.Name, config.Value);
        }

        return new(
            topic.Name, topic.NumPartitions, topic.ReplicationFactor, ReadAssignments(topic.Assignments), configs.ToImmutable());
    }

    private static ImmutableArray<ImmutableArray<NodeId>>? ReadAssignments(List<CreatableReplicaAssignment> assignments)
    {
        if (assignments.Count == 0)
            return null;
        var sorted = assignments.OrderBy(assignment => assignment.PartitionIndex).ToList();
        for (var index = 0; index < sorted.Count; index++)
        {
            if (sorted[index].PartitionIndex.Value != index)
            {
                throw new KafkaException(
                    ErrorCode.InvalidReplicaAssignment,
                    $"The replica assignment has to name each partition from 0 to {sorted.Count - 1} once.");
            }
        }

        return [.. sorted.Select(assignment => assignment.BrokerIds.ToImmutableArray())];
    }

    private CreatableTopicConfigs Describe(ConfigDefinition definition, TopicMetadata topic)
    {
        var config = catalog.Configs.DescribeTopic(definition, topic.ConfigOverrides);
        return new()
        {
            Name = definition.Name,
            Value = config.Value,
            ConfigSource = (sbyte)config.Source,
        };
    }

    private static CreatableTopicResult Refuse(TopicName name, ErrorCode error, string? message) => new()
    {
        Name = name,
        ErrorCode = error,
        ErrorMessage = message,
    };
}
