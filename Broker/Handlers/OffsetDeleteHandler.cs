using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>OffsetDelete, version 0 (KIP-496): deletes committed offsets of topics that the group is not subscribed
/// to.</summary>
public sealed class OffsetDeleteHandler(IGroupCoordinators coordinators, ITopicCatalog catalog)
    : RequestHandler<OffsetDeleteRequest, OffsetDeleteResponse>
{
    public override async ValueTask<OffsetDeleteResponse> HandleAsync(RequestContext context, OffsetDeleteRequest request)
    {
        var metadata = catalog.Current;
        var partitions = new List<TopicPartition>();
        var places = new List<OffsetDeleteResponse.OffsetDeleteResponsePartition>();
        var response = new OffsetDeleteResponse();
        foreach (var topic in request.Topics)
        {
            var partitionCount = metadata.Find(topic.Name)?.Partitions.Length ?? 0;
            var answer = new OffsetDeleteResponse.OffsetDeleteResponseTopic { Name = topic.Name };
            response.Topics.Add(answer);
            foreach (var index in topic.Partitions.Select(partition => partition.PartitionIndex))
            {
                var place = new OffsetDeleteResponse.OffsetDeleteResponsePartition { PartitionIndex = index };
                answer.Partitions.Add(place);
                if ((uint)index.Value >= (uint)partitionCount)
                {
                    place.ErrorCode = ErrorCode.UnknownTopicOrPartition;
                    continue;
                }
                places.Add(place);
                partitions.Add(new TopicPartition(topic.Name, index));
            }
        }
        var reply = await coordinators.AskAsync<OffsetDeleteReply>(
            request.GroupId,
            replyTo => new OffsetDeleteCommand(request.GroupId, partitions, replyTo),
            context.Aborted);
        if (reply.Error != ErrorCode.None)
            return new OffsetDeleteResponse { ErrorCode = reply.Error };
        for (var i = 0; i < places.Count; i++)
            places[i].ErrorCode = reply.Partitions[i];
        return response;
    }
}
