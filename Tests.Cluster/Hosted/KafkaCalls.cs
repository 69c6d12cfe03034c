using System.Collections.Concurrent;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Records;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>What the tests ask of a Kafka client.</summary>
internal static class KafkaCalls
{
    /// <summary>Writes one record to a partition, and tries once.</summary>
    public static async Task<ErrorCode> ProduceOnceAsync(
        this KafkaClient client, string topic, string value, short acks, CancellationToken cancellationToken, int partition = 0)
    {
        var options = new ProducerOptions { Acks = acks, DeliveryTimeout = TimeSpan.Zero, AllowAutoTopicCreation = false };
        await using var producer = await Producer.CreateAsync(client, options, cancellationToken);
        var told = new ConcurrentQueue<ErrorCode>();
        producer.OnDelivery = report => told.Enqueue(report.Failure?.Error ?? ErrorCode.None);
        await producer.AppendAsync(
            new TopicName(topic),
            new PartitionIndex(partition),
            key: null,
            Encoding.UTF8.GetBytes(value),
            headers: default,
            timestampMs: 1,
            cancellationToken);
        try
        {
            await producer.FlushAsync(cancellationToken);
        }
        catch (KafkaClientException)
        {
            // Told by the report, too.
        }

        return told.Single();
    }

    /// <summary>The values that are in a topic now.</summary>
    public static async Task<List<string>> ReadAllAsync(this KafkaClient client, string topic, CancellationToken cancellationToken)
    {
        var name = new TopicName(topic);
        var partitions = (await client.GetTopicAsync(name, cancellationToken)).Partitions
            .ConvertAll(partition => new TopicPartition(name, partition.PartitionIndex));
        var ends = await client.ListOffsetsAsync(partitions, OffsetQueries.Latest, cancellationToken);
        var fetcher = new Fetcher(client, new FetcherOptions { MaxWaitMs = 100 });
        foreach (var partition in partitions) fetcher.Assign(partition, Offset.Zero);
        var values = new List<string>();
        while (partitions.Exists(partition => fetcher.Positions[partition] < ends[partition]))
        {
            using var result = await fetcher.FetchAsync(cancellationToken);
            foreach (var partition in result.Partitions)
                partition.Read((in RecordView record) => values.Add(Encoding.UTF8.GetString(record.Value.Span)));
        }

        return values;
    }
}
