using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.DescribeTopicPartitionsResponse;

namespace Loire.Broker.Handlers;

/// <summary>DescribeTopicPartitions, version 0 (KIP-966): topics in the order of their names, at most as many partitions as
/// the client or max.request.partition.size.limit allows, and a cursor to go on from. Deviation from Kafka: a cursor whose
/// topic the request does not name is answered with INVALID_REQUEST for that topic, the response having no error of its
/// own.</summary>
public sealed class DescribeTopicPartitionsHandler(ITopicCatalog catalog, IBrokerConfigs configs)
    : RequestHandler<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>
{
    public override ValueTask<DescribeTopicPartitionsResponse> HandleAsync(
        RequestContext context, DescribeTopicPartitionsRequest request) => ValueTask.FromResult(Describe(request));

    private DescribeTopicPartitionsResponse Describe(DescribeTopicPartitionsRequest request)
    {
        var snapshot = catalog.Current;
        var names = request.Topics.Count == 0
            ? snapshot.Topics.Select(topic => topic.Name)
            : request.Topics.Select(topic => topic.Name).Distinct().OrderBy(name => name.Value, StringComparer.Ordinal);
        var firstPartition = 0;
        if (request.Cursor is { } cursor)
        {
            firstPartition = cursor.PartitionIndex.Value;
            if (firstPartition < 0 || (request.Topics.Count > 0 && request.Topics.All(topic => topic.Name != cursor.TopicName)))
                return new() { Topics = [Refuse(cursor.TopicName, ErrorCode.InvalidRequest)] };
            names = names.Where(name => string.CompareOrdinal(name.Value, cursor.TopicName.Value) >= 0);
        }

        var remaining = Math.Clamp(request.ResponsePartitionLimit, 1, configs.Current.MaxRequestPartitions);
        var response = new DescribeTopicPartitionsResponse();
        foreach (var name in names)
        {
            if (remaining == 0)
            {
                response.NextCursor = new Cursor { TopicName = name, PartitionIndex = new PartitionIndex(0) };
                break;
            }

            var first = name == request.Cursor?.TopicName ? firstPartition : 0;
            if (snapshot.Find(name) is not { } topic)
            {
                response.Topics.Add(Refuse(name, UnknownTopicError(name)));
                continue;
            }

            var described = Describe(topic, first, remaining);
            response.Topics.Add(described);
            remaining -= described.Partitions.Count;
            var next = first + described.Partitions.Count;
            if (next < topic.Partitions.Length)
            {
                response.NextCursor = new Cursor { TopicName = name, PartitionIndex = new PartitionIndex(next) };
                break;
            }
        }

        return response;
    }

    private static ErrorCode UnknownTopicError(TopicName name) =>
        TopicNames.FindFault(name) is null ? ErrorCode.UnknownTopicOrPartition : ErrorCode.InvalidTopicException;

    private static DescribeTopicPartitionsResponseTopic Refuse(TopicName name, ErrorCode error) => new()
    {
        ErrorCode = error,
        Name = name,
        IsInternal = TopicNames.IsInternal(name),
    };

    private static DescribeTopicPartitionsResponseTopic Describe(TopicMetadata topic, int first, int count) => new()
    {
        Name = topic.Name,
        TopicId = topic.Id,
        IsInternal = topic.IsInternal,
        TopicAuthorizedOperations = AuthorizedOperations.Topic,
        Partitions = [.. topic.Partitions.Skip(first).Take(count).Select(partition =>
            new DescribeTopicPartitionsResponsePartition
            {
                ErrorCode = partition.Leader == NodeId.None ? ErrorCode.LeaderNotAvailable : ErrorCode.None,
                PartitionIndex = partition.Index,
                LeaderId = partition.Leader,
                LeaderEpoch = partition.LeaderEpoch,
                ReplicaNodes = [.. partition.Replicas],
                IsrNodes = [.. partition.InSyncReplicas],
                EligibleLeaderReplicas = [],
                LastKnownElr = [],
                OfflineReplicas = [.. partition.OfflineReplicas],
            })],
    };
}
