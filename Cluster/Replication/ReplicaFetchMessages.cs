using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Cluster.Replication;

/// <summary>A follower's questions and its leader's answers as Kafka's Fetch messages have them. Topics go by id; the names of
/// those in the session are remembered from the questions.</summary>
internal sealed class ReplicaFetchMessages(NodeId self)
{
    /// <summary>The first with the replica epoch (KIP-903).</summary>
    public const short LowestVersion = 15;

    private readonly Dictionary<(TopicId, PartitionIndex), TopicIdPartition> _session = [];

    /// <param name="generation">The replica epoch: a leader refuses one that is not the broker's present one.</param>
    public FetchRequest ToRequest(ReplicaFetchRequest request, long generation, BrokerConfig config)
    {
        var message = new FetchRequest
        {
            ReplicaState = new() { ReplicaId = self, ReplicaEpoch = generation },
            MaxWaitMs = request.Waits ? config.ReplicaFetchWaitMaxMs : 0,
            MinBytes = config.ReplicaFetchMinBytes,
            MaxBytes = config.ReplicaFetchResponseMaxBytes,
            SessionId = request.SessionId,
            SessionEpoch = request.SessionEpoch,
        };
        // The first question of a session names all that is in it.
        if (request.SessionEpoch == 0) _session.Clear();
        foreach (var topic in request.Partitions.GroupBy(partition => partition.Key.TopicId))
        {
            var asked = new FetchRequest.FetchTopic { TopicId = topic.Key };
            foreach (var (partition, position) in topic)
            {
                _session[(topic.Key, partition.Partition)] = partition;
                asked.Partitions.Add(new()
                {
                    Partition = partition.Partition,
                    CurrentLeaderEpoch = position.LeaderEpoch,
                    FetchOffset = position.Offset,
                    DurableOffset = position.IsSynced ? Offset.None : position.DurableEnd,
                    LastFetchedEpoch = position.LastFetchedEpoch,
                    PartitionMaxBytes = config.ReplicaFetchMaxBytes,
                });
            }

            message.Topics.Add(asked);
        }

        foreach (var partition in request.Forgotten) _session.Remove((partition.TopicId, partition.Partition));
        foreach (var topic in request.Forgotten.GroupBy(partition => partition.TopicId))
        {
            message.ForgottenTopicsData.Add(
                new() { TopicId = topic.Key, Partitions = [.. topic.Select(partition => partition.Partition)] });
        }

        return message;
    }

    /// <returns>Refers to the bytes of <paramref name="response"/>.</returns>
    public ReplicaFetchAnswer ToAnswer(FetchResponse response)
    {
        var partitions = new List<FetchedPartition>();
        foreach (var topic in response.Responses)
        {
            foreach (var data in topic.Partitions)
            {
                if (_session.TryGetValue((topic.TopicId, data.PartitionIndex), out var partition))
                    partitions.Add(new FetchedPartition(partition, ToRead(data), data.Records.Bytes));
            }
        }

        return new ReplicaFetchAnswer(response.ErrorCode, response.SessionId, partitions);
    }

    private static FollowerRead ToRead(FetchResponse.PartitionData data)
    {
        var diverging = data.DivergingEpoch;
        return new FollowerRead(
            data.ErrorCode,
            diverging.EndOffset == Offset.None ? null : new EpochEnd(diverging.Epoch, diverging.EndOffset),
            Records: null,
            data.HighWatermark,
            data.LogStartOffset);
    }
}
