using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Bench.Load;

/// <summary>The few requests that prepare and check a measurement.</summary>
public static class BrokerCalls
{
    private const short ApiVersionsVersion = 0;
    private const short CreateTopicsVersion = 5;
    private const short ListOffsetsVersion = 5;
    private const long LatestTimestamp = -1;

    /// <summary>The cheapest question there is: who gets an answer has a broker that serves.</summary>
    public static void AskApiVersions(this BrokerConnection connection) =>
        connection.Call<ApiVersionsRequest, ApiVersionsResponse>(new ApiVersionsRequest(), ApiVersionsVersion);

    public static void CreateTopic(this BrokerConnection connection, string topic, int partitions)
    {
        var request = new CreateTopicsRequest
        {
            Topics = [new() { Name = new TopicName(topic), NumPartitions = partitions, ReplicationFactor = 1 }],
        };
        var response = connection.Call<CreateTopicsRequest, CreateTopicsResponse>(request, CreateTopicsVersion);
        var result = response.Topics.Single();
        Check(result.ErrorCode, $"creating topic {topic}: {result.ErrorMessage}");
    }

    /// <summary>The end offset of each of the topic's partitions.</summary>
    public static Offset[] EndOffsets(this BrokerConnection connection, string topic, int partitions)
    {
        var request = new ListOffsetsRequest
        {
            ReplicaId = NodeId.None,
            Topics = [new() { Name = new TopicName(topic), Partitions = [.. Enumerable.Range(0, partitions).Select(EndOf)] }],
        };
        var response = connection.Call<ListOffsetsRequest, ListOffsetsResponse>(request, ListOffsetsVersion);
        var ends = new Offset[partitions];
        foreach (var partition in response.Topics.Single().Partitions)
        {
            Check(partition.ErrorCode, $"the end offset of {topic}-{partition.PartitionIndex}");
            ends[partition.PartitionIndex.Value] = partition.Offset;
        }

        return ends;
    }

    /// <exception cref="InvalidOperationException">The broker refused; a figure of refused requests means nothing.</exception>
    public static void Check(ErrorCode code, string what)
    {
        if (code != ErrorCode.None)
        {
            throw new InvalidOperationException($"{what}: the broker answered {code}");
        }
    }

    private static ListOffsetsRequest.ListOffsetsPartition EndOf(int index) =>
        new() { PartitionIndex = new PartitionIndex(index), Timestamp = LatestTimestamp };
}
