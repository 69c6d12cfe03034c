using Loire.Protocol.Messages;

namespace Loire.Protocol.Client;

/// <summary>Asks for and sets offsets: of partitions by time, of groups as committed.</summary>
public static class OffsetQueries
{
    /// <summary>ListOffsets' timestamp for the log end.</summary>
    public const long Latest = -1;

    /// <summary>ListOffsets' timestamp for the log start.</summary>
    public const long Earliest = -2;

    private const short HighestListOffsetsVersion = 7;
    private const short HighestOffsetFetchVersion = 7;
    private const short HighestOffsetCommitVersion = 8;

    /// <summary>The offset of the first record at or after a time, per partition; the log end where there is none.</summary>
    /// <param name="timestampMs">Milliseconds since 1970, <see cref="Latest"/> or <see cref="Earliest"/>.</param>
    public static async Task<Dictionary<TopicPartition, Offset>> ListOffsetsAsync(
        this KafkaClient client, IEnumerable<TopicPartition> partitions, long timestampMs, CancellationToken cancellationToken)
    {
        var asked = partitions.ToList();
        var found = await client.RetryAsync(cancelled => ListOnceAsync(client, asked, timestampMs, cancelled), cancellationToken);
        var beyond = found.Where(entry => entry.Value == Offset.None).Select(entry => entry.Key).ToList();
        if (beyond.Count > 0 && timestampMs >= 0)
        {
            foreach (var (partition, end) in await client.ListOffsetsAsync(beyond, Latest, cancellationToken))
                found[partition] = end;
        }
        return found;
    }

    /// <summary>The offsets a group has committed.</summary>
    public static Task<Dictionary<TopicPartition, Offset>> FetchCommittedAsync(
        this KafkaClient client, GroupId group, CancellationToken cancellationToken) =>
        client.RetryAsync(
            async cancelled =>
            {
                var coordinator = await client.GetCoordinatorConnectionAsync(group, cancelled);
                var response = await coordinator.SendAsync<OffsetFetchRequest, OffsetFetchResponse>(
                    new OffsetFetchRequest { GroupId = group, Topics = null }, cancelled, HighestOffsetFetchVersion);
                KafkaClientException.ThrowIfError(response.ErrorCode, detail: null, $"Group {group}");
                var committed = new Dictionary<TopicPartition, Offset>();
                foreach (var topic in response.Topics)
                {
                    foreach (var partition in topic.Partitions)
                    {
                        KafkaClientException.ThrowIfError(partition.ErrorCode, detail: null, $"Group {group}");
                        if (partition.CommittedOffset.Value >= 0)
                            committed.Add(new TopicPartition(topic.Name, partition.PartitionIndex), partition.CommittedOffset);
                    }
                }
                return committed;
            },
            cancellationToken);

    /// <summary>Commits offsets for a group that has no members.</summary>
    /// <exception cref="KafkaClientException">The group has members.</exception>
    public static Task<bool> CommitAsync(
        this KafkaClient client, GroupId group, IReadOnlyDictionary<TopicPartition, Offset> offsets, CancellationToken cancellationToken)
    {
        var request = new OffsetCommitRequest { GroupId = group };
        foreach (var topic in offsets.GroupBy(entry => entry.Key.Topic))
        {
            var committed = new OffsetCommitRequest.OffsetCommitRequestTopic { Name = topic.Key };
            foreach (var (partition, offset) in topic)
                committed.Partitions.Add(new() { PartitionIndex = partition.Partition, CommittedOffset = offset });
            request.Topics.Add(committed);
        }
        return client.RetryAsync(
            async cancelled =>
            {
                var coordinator = await client.GetCoordinatorConnectionAsync(group, cancelled);
                var response = await coordinator.SendAsync<OffsetCommitRequest, OffsetCommitResponse>(
                    request, cancelled, HighestOffsetCommitVersion);
                foreach (var partition in response.Topics.SelectMany(topic => topic.Partitions))
                    KafkaClientException.ThrowIfError(partition.ErrorCode, detail: null, $"Group {group}");
                return true;
            },
            cancellationToken);
    }

    private static async Task<Dictionary<TopicPartition, Offset>> ListOnceAsync(
        KafkaClient client, List<TopicPartition> partitions, long timestampMs, CancellationToken cancellationToken)
    {
        var found = new Dictionary<TopicPartition, Offset>();
        var leaders = new Dictionary<KafkaConnection, ListOffsetsRequest>();
        foreach (var partition in partitions)
        {
            var leader = await client.GetLeaderConnectionAsync(partition, cancellationToken);
            if (!leaders.TryGetValue(leader, out var request))
                leaders.Add(leader, request = new ListOffsetsRequest { ReplicaId = NodeId.None });
            var topic = request.Topics.Find(candidate => candidate.Name == partition.Topic);
            if (topic is null)
                request.Topics.Add(topic = new() { Name = partition.Topic });
            topic.Partitions.Add(new() { PartitionIndex = partition.Partition, Timestamp = timestampMs });
        }
        foreach (var (leader, request) in leaders)
        {
            var response = await leader.SendAsync<ListOffsetsRequest, ListOffsetsResponse>(
                request, cancellationToken, HighestListOffsetsVersion);
            foreach (var topic in response.Topics)
            {
                foreach (var answer in topic.Partitions)
                {
                    var partition = new TopicPartition(topic.Name, answer.PartitionIndex);
                    KafkaClientException.ThrowIfError(answer.ErrorCode, detail: null, $"Offsets of {partition}");
                    found.Add(partition, answer.Offset);
                }
            }
        }
        return found;
    }
}
