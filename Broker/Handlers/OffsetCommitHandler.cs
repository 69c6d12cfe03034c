using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>OffsetCommit, versions 2-10: stores offsets of a group, topics by name or, from version 10 on, by id. Answers
/// when they are committed.
/// <para>Partitions that do not exist are answered UNKNOWN_TOPIC_OR_PARTITION, ids that do not UNKNOWN_TOPIC_ID, and do
/// not keep the others from being stored.</para></summary>
public sealed class OffsetCommitHandler(IGroupCoordinators coordinators, ITopicCatalog catalog)
    : RequestHandler<OffsetCommitRequest, OffsetCommitResponse>
{
    private const short KnowsGroupIdNotFoundFrom = 9;
    private const short TopicIdsFrom = 10;

    public override async ValueTask<OffsetCommitResponse> HandleAsync(RequestContext context, OffsetCommitRequest request)
    {
        var metadata = catalog.Current;
        var byId = context.ApiVersion >= TopicIdsFrom;
        var offsets = new List<OffsetToCommit>();
        var places = new List<OffsetCommitResponse.OffsetCommitResponsePartition>();
        var response = new OffsetCommitResponse();
        foreach (var topic in request.Topics)
        {
            var known = byId ? metadata.Find(topic.TopicId) : metadata.Find(topic.Name);
            var answer = new OffsetCommitResponse.OffsetCommitResponseTopic { Name = topic.Name, TopicId = topic.TopicId };
            response.Topics.Add(answer);
            foreach (var partition in topic.Partitions)
            {
                var place = new OffsetCommitResponse.OffsetCommitResponsePartition { PartitionIndex = partition.PartitionIndex };
                answer.Partitions.Add(place);
                if (known is null)
                {
                    place.ErrorCode = byId ? ErrorCode.UnknownTopicId : ErrorCode.UnknownTopicOrPartition;
                }
                else if ((uint)partition.PartitionIndex.Value >= (uint)known.Partitions.Length)
                {
                    place.ErrorCode = ErrorCode.UnknownTopicOrPartition;
                }
                else
                {
                    places.Add(place);
                    offsets.Add(new OffsetToCommit(
                        new TopicPartition(known.Name, partition.PartitionIndex),
                        known.Id,
                        partition.CommittedOffset,
                        partition.CommittedLeaderEpoch,
                        partition.CommittedMetadata));
                }
            }
        }
        if (offsets.Count == 0)
            return response;

        var errors = await coordinators.AskAsync<IReadOnlyList<ErrorCode>>(
            request.GroupId, replyTo => ToCommand(context, request, offsets, replyTo), context.Aborted);
        for (var i = 0; i < places.Count; i++)
            places[i].ErrorCode = errors[i];
        return response;
    }

    private static OffsetCommitCommand ToCommand(
        RequestContext context,
        OffsetCommitRequest request,
        List<OffsetToCommit> offsets,
        IReplyTo<IReadOnlyList<ErrorCode>> replyTo) => new(
        request.GroupId,
        request.MemberId,
        request.GroupInstanceId,
        request.GenerationIdOrMemberEpoch,
        KnowsGroupIdNotFound: context.ApiVersion >= KnowsGroupIdNotFoundFrom,
        RetentionMs: request.RetentionTimeMs < 0 ? null : request.RetentionTimeMs,
        offsets,
        replyTo);
}
