using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>How much a fetcher asks for at a time.</summary>
public sealed record FetcherOptions
{
    /// <summary>How long a broker may wait for <see cref="MinBytes"/>.</summary>
    public int MaxWaitMs { get; init; } = 500;
    public int MinBytes { get; init; } = 1;
    public int MaxBytes { get; init; } = 32 * 1024 * 1024;
    public int PartitionMaxBytes { get; init; } = 4 * 1024 * 1024;
}

/// <summary>Reads partitions from given offsets on, from their leaders. Not thread-safe, but the next round may be
/// started while the last one's result is being read.</summary>
public sealed class Fetcher(KafkaClient client, FetcherOptions options)
{
    // From version 13 on topics go by id, which needs no more than the cache but gives nothing here.
    private const short HighestFetchVersion = 12;

    private readonly Dictionary<TopicPartition, Offset> _positions = [];

    /// <summary>Reads a partition from an offset on.</summary>
    public void Assign(TopicPartition partition, Offset position) => _positions[partition] = position;

    /// <summary>Stops reading a partition.</summary>
    public void Remove(TopicPartition partition) => _positions.Remove(partition);

    /// <summary>The offset after the last record that was fetched.</summary>
    public IReadOnlyDictionary<TopicPartition, Offset> Positions => _positions;

    /// <summary>One fetch from every leader. The result may be empty.</summary>
    /// <exception cref="KafkaClientException">A partition cannot be read. An offset outside the log is among these.</exception>
    public Task<FetchResult> FetchAsync(CancellationToken cancellationToken) =>
        client.RetryAsync(FetchOnceAsync, cancellationToken);

    private async Task<FetchResult> FetchOnceAsync(CancellationToken cancellationToken)
    {
        var byLeader = new Dictionary<KafkaConnection, List<TopicPartition>>();
        foreach (var partition in _positions.Keys)
        {
            var leader = await client.GetLeaderConnectionAsync(partition, cancellationToken);
            if (!byLeader.TryGetValue(leader, out var partitions))
                byLeader.Add(leader, partitions = []);
            partitions.Add(partition);
        }
        var fetches = byLeader
            .Select(leader => leader.Key.SendLeasedAsync<FetchRequest, FetchResponse>(
                CreateRequest(leader.Value), cancellationToken, HighestFetchVersion))
            .ToList();
        try
        {
            return Take(await Task.WhenAll(fetches));
        }
        catch
        {
            foreach (var answered in fetches.Where(fetch => fetch.IsCompletedSuccessfully))
                (await answered).Dispose();
            throw;
        }
    }

    private FetchRequest CreateRequest(List<TopicPartition> partitions)
    {
        var request = new FetchRequest { MaxWaitMs = options.MaxWaitMs, MinBytes = options.MinBytes, MaxBytes = options.MaxBytes };
        foreach (var topic in partitions.GroupBy(partition => partition.Topic))
        {
            var fetched = new FetchRequest.FetchTopic { Topic = topic.Key };
            foreach (var partition in topic)
            {
                fetched.Partitions.Add(new()
                {
                    Partition = partition.Partition,
                    FetchOffset = _positions[partition],
                    PartitionMaxBytes = options.PartitionMaxBytes,
                });
            }
            request.Topics.Add(fetched);
        }
        return request;
    }

    /// <summary>All or nothing: positions move only when every leader has answered and no partition has failed. A position
    /// that moved for an answer that nobody is given would skip its records.</summary>
    private FetchResult Take(ResponseLease<FetchResponse>[] answers)
    {
        var result = new FetchResult(answers);
        foreach (var response in answers.Select(answer => answer.Response))
        {
            KafkaClientException.ThrowIfError(response.ErrorCode, detail: null, "Fetching");
            foreach (var topic in response.Responses)
            {
                foreach (var data in topic.Partitions)
                {
                    var partition = new TopicPartition(topic.Topic, data.PartitionIndex);
                    if (!_positions.TryGetValue(partition, out var from))
                        continue;
                    KafkaClientException.ThrowIfError(data.ErrorCode, detail: null, $"Fetching {partition} at offset {from}");
                    result.Add(new FetchedPartition(partition, from, data.HighWatermark, data.Records.Bytes));
                }
            }
        }
        var next = result.Partitions.Select(fetched => (fetched.Partition, Position: NextOffset(fetched))).ToList();
        foreach (var (partition, position) in next)
            _positions[partition] = position;
        return result;
    }

    private static Offset NextOffset(FetchedPartition fetched)
    {
        var next = fetched.From;
        var batches = new RecordBatchReader(fetched.Batches);
        while (batches.TryRead(out var header, out _))
            next = Offset.Max(next, header.NextOffset);
        return next;
    }
}
