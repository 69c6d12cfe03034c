using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>DeleteRecords, versions 0 to 2 (KIP-107). As Kafka; the answer does not wait for other replicas.</summary>
public sealed class DeleteRecordsHandler(IPartitionDirectory partitions)
    : RequestHandler<DeleteRecordsRequest, DeleteRecordsResponse>
{
    public override ValueTask<DeleteRecordsResponse> HandleAsync(RequestContext context, DeleteRecordsRequest request)
    {
        var response = new DeleteRecordsResponse { Topics = new(request.Topics.Count) };
        foreach (var topic in request.Topics)
        {
            var answers = new List<DeleteRecordsResponse.DeleteRecordsPartitionResult>(topic.Partitions.Count);
            foreach (var partition in topic.Partitions)
            {
                var (error, lowWatermark) = Delete(topic.Name, partition);
                answers.Add(new() { PartitionIndex = partition.PartitionIndex, ErrorCode = error, LowWatermark = lowWatermark });
            }

            response.Topics.Add(new() { Name = topic.Name, Partitions = answers });
        }

        return ValueTask.FromResult(response);
    }

    private (ErrorCode Error, Offset LowWatermark) Delete(
        TopicName topic, DeleteRecordsRequest.DeleteRecordsPartition asked)
    {
        if (TopicNames.IsInternal(topic)) return (ErrorCode.InvalidTopicException, Offset.None);
        var found = partitions.Find(topic, asked.PartitionIndex);
        return found.Replica is { } replica ? replica.DeleteRecordsForClient(asked.Offset) : (found.Error, Offset.None);
    }
}
