using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>OffsetForLeaderEpoch, versions 0 to 4 (KIP-101, KIP-279, KIP-320). As Kafka.</summary>
public sealed class OffsetForLeaderEpochHandler(IPartitionDirectory partitions)
    : RequestHandler<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>
{
    public override ValueTask<OffsetForLeaderEpochResponse> HandleAsync(
        RequestContext context, OffsetForLeaderEpochRequest request)
    {
        var response = new OffsetForLeaderEpochResponse { Topics = new(request.Topics.Count) };
        foreach (var topic in request.Topics)
        {
            var answers = new List<OffsetForLeaderEpochResponse.EpochEndOffset>(topic.Partitions.Count);
            foreach (var partition in topic.Partitions) answers.Add(Answer(topic.Topic, partition));
            response.Topics.Add(new() { Topic = topic.Topic, Partitions = answers });
        }

        return ValueTask.FromResult(response);
    }

    private OffsetForLeaderEpochResponse.EpochEndOffset Answer(
        TopicName topic, OffsetForLeaderEpochRequest.OffsetForLeaderPartition asked)
    {
        var answer = new OffsetForLeaderEpochResponse.EpochEndOffset { Partition = asked.Partition };
        var found = partitions.Find(topic, asked.Partition, asked.CurrentLeaderEpoch);
        answer.ErrorCode = found.Replica is null ? found.Error : LeaderEpochCheck.Check(asked.CurrentLeaderEpoch, found.Replica);
        if (answer.ErrorCode == ErrorCode.None)
        {
            (answer.LeaderEpoch, answer.EndOffset) = found.Replica!.EndOfEpoch(asked.LeaderEpoch);
        }

        return answer;
    }
}
