using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.MetadataResponse;

namespace Loire.Broker.Handlers;

/// <summary>Metadata, versions 0 to 13. Deviations from Kafka: a topic created on the way is answered at once, where Kafka
/// says LEADER_NOT_AVAILABLE and the client comes again; internal topics are never created by asking for them; one request
/// creates no more partitions than CreateTopics does, and clients ask again for the rest; names and ids may stand side by
/// side in one request, and a topic is described once.</summary>
public sealed class MetadataHandler(ITopicCatalog catalog, IBrokerConfigs configs, IBrokerDirectory brokers)
    : RequestHandler<MetadataRequest, MetadataResponse>
{
    private const int FirstVersionByNameOrId = 12;

    /// <summary>What a topic's partitions look like in an answer never changes while its metadata is the same object, and
    /// thousands of clients ask for it.</summary>
    private readonly ConditionalWeakTable<TopicMetadata, List<MetadataResponsePartition>> _partitions = [];

    public override async ValueTask<MetadataResponse> HandleAsync(RequestContext context, MetadataRequest request)
    {
        var response = new MetadataResponse
        {
            ClusterId = brokers.ClusterId,
            ControllerId = brokers.Controller,
            Brokers = [.. brokers.Brokers.Select(broker => new MetadataResponseBroker
            {
                NodeId = broker.Node,
                Host = broker.Host,
                Port = broker.Port,
                Rack = broker.Rack,
            })],
        };
        if (request.IncludeClusterAuthorizedOperations)
            response.ClusterAuthorizedOperations = AuthorizedOperations.Cluster;

        var operations = request.IncludeTopicAuthorizedOperations ? AuthorizedOperations.Topic : AuthorizedOperations.NotAsked;
        if (request.Topics is null || (context.ApiVersion == 0 && request.Topics.Count == 0))
            response.Topics = [.. catalog.Current.Topics.Select(topic => Describe(topic, operations))];
        else
            response.Topics = await DescribeNamedAsync(context, request, operations);
        return response;
    }

    private async ValueTask<List<MetadataResponseTopic>> DescribeNamedAsync(
        RequestContext context, MetadataRequest request, int operations)
    {
        var mayCreate = request.AllowAutoTopicCreation && configs.Current.AutoCreateTopics;
        var snapshot = catalog.Current;
        var topics = new List<MetadataResponseTopic>(request.Topics!.Count);
        var asked = new HashSet<(TopicName?, TopicId)>();
        var described = new HashSet<TopicId>();
        var creatable = Math.Max(1, TopicPlacement.MaxPartitionsPerRequest / configs.Current.NumPartitions);
        List<Task<MetadataResponseTopic>>? created = null;
        foreach (var topic in request.Topics)
        {
            if (!asked.Add((topic.Name, topic.TopicId)))
                continue;
            if (FindFault(context, topic) is { } fault)
            {
                topics.Add(fault);
                continue;
            }
            if (Find(snapshot, topic) is { } known)
            {
                if (described.Add(known.Id))
                    topics.Add(Describe(known, operations));
                continue;
            }
            if (!topic.TopicId.IsNone)
                topics.Add(Unknown(topic.TopicId));
            else if (mayCreate && !TopicNames.IsInternal(topic.Name!.Value) && creatable-- > 0)
                (created ??= []).Add(CreateAsync(topic.Name.Value, operations, context.Aborted));
            else
                topics.Add(Unknown(topic.Name!.Value));
        }

        if (created is not null)
            topics.AddRange(await Task.WhenAll(created));
        return topics;
    }

    private static TopicMetadata? Find(MetadataSnapshot snapshot, MetadataRequest.MetadataRequestTopic topic) =>
        topic.TopicId.IsNone ? snapshot.Find(topic.Name!.Value) : snapshot.Find(topic.TopicId);

    private static MetadataResponseTopic? FindFault(RequestContext context, MetadataRequest.MetadataRequestTopic topic)
    {
        var wellFormed = context.ApiVersion >= FirstVersionByNameOrId
            ? topic.Name is not null || !topic.TopicId.IsNone
            : topic.Name is not null && topic.TopicId.IsNone;
        if (wellFormed)
            return null;
        var name = context.ApiVersion >= FirstVersionByNameOrId ? topic.Name : topic.Name ?? new TopicName("");
        return new MetadataResponseTopic { ErrorCode = ErrorCode.InvalidRequest, Name = name, TopicId = topic.TopicId };
    }

    /// <summary>Of several clients that ask for the same unknown topic at once one creates it, and all get it.</summary>
    private async Task<MetadataResponseTopic> CreateAsync(TopicName name, int operations, CancellationToken cancellationToken)
    {
        try
        {
            var topic = new NewTopic(name, -1, -1, null, ImmutableSortedDictionary<string, string>.Empty);
            return Describe(await catalog.CreateTopicAsync(topic, validateOnly: false, cancellationToken), operations);
        }
        catch (KafkaException refusal)
        {
            if (catalog.Current.Find(name) is { } existing)
                return Describe(existing, operations);

            // Another broker has just created it, and the news is on its way: the client is to ask again.
            var code = refusal.Code == ErrorCode.TopicAlreadyExists ? ErrorCode.LeaderNotAvailable : refusal.Code;
            return new MetadataResponseTopic { ErrorCode = code, Name = name };
        }
    }

    private static MetadataResponseTopic Unknown(TopicName name) => new()
    {
        ErrorCode = TopicNames.FindFault(name) is null ? ErrorCode.UnknownTopicOrPartition : ErrorCode.InvalidTopicException,
        Name = name,
        IsInternal = TopicNames.IsInternal(name),
    };

    private static MetadataResponseTopic Unknown(TopicId id) => new()
    {
        ErrorCode = ErrorCode.UnknownTopicId,
        Name = null,
        TopicId = id,
    };

    private MetadataResponseTopic Describe(TopicMetadata topic, int operations) => new()
    {
        Name = topic.Name,
        TopicId = topic.Id,
        IsInternal = topic.IsInternal,
        Partitions = _partitions.GetValue(topic, DescribePartitions),
        TopicAuthorizedOperations = operations,
    };

    private static List<MetadataResponsePartition> DescribePartitions(TopicMetadata topic) =>
        [.. topic.Partitions.Select(partition => new MetadataResponsePartition
        {
            ErrorCode = partition.Leader == NodeId.None ? ErrorCode.LeaderNotAvailable : ErrorCode.None,
            PartitionIndex = partition.Index,
            LeaderId = partition.Leader,
            LeaderEpoch = partition.LeaderEpoch,
            ReplicaNodes = [.. partition.Replicas],
            IsrNodes = [.. partition.InSyncReplicas],
            OfflineReplicas = [.. partition.OfflineReplicas],
        })];
}
