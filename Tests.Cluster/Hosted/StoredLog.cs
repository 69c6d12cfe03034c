using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Shouldly;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A record as one replica has it.</summary>
internal sealed record StoredRecord(long Offset, int LeaderEpoch, uint BatchCrc, string Value);

/// <summary>Reads what a broker has of a partition, over the Kafka port, whether it leads or follows.</summary>
internal static class StoredLog
{
    /// <summary>Everything below the replica's high watermark.</summary>
    public static async Task<ImmutableArray<StoredRecord>> ReadAsync(
        TestBroker broker, string topic, int partition, CancellationToken cancellationToken)
    {
        var address = broker.Bootstrap.Split(':');
        await using var connection = await KafkaConnection.ConnectAsync(
            address[0],
            int.Parse(address[1], CultureInfo.InvariantCulture),
            new KafkaClientOptions { BootstrapServers = broker.Bootstrap },
            cancellationToken);
        var records = ImmutableArray.CreateBuilder<StoredRecord>();
        while (true)
        {
            var next = records.Count == 0 ? 0 : records[^1].Offset + 1;
            var answer = await Eventually.AnswersAsync(
                () => FetchAsync(connection, topic, partition, next, cancellationToken),
                answer => answer.ErrorCode is not (ErrorCode.NotLeaderOrFollower or ErrorCode.OffsetNotAvailable),
                $"broker {broker.NodeId} has a role in {topic}-{partition}");
            answer.ErrorCode.ShouldBe(ErrorCode.None, $"broker {broker.NodeId}, {topic}-{partition} from {next}");
            if (answer.HighWatermark.Value <= next) return records.ToImmutable();
            Append(answer, records);
        }
    }

    /// <summary>Waits until all replicas have the same records, to the same high watermark.</summary>
    public static async Task<ImmutableArray<StoredRecord>> AgreedAsync(
        LoireTestCluster cluster, string topic, int partition, CancellationToken cancellationToken)
    {
        await cluster.UntilInSyncAsync(topic, cancellationToken);
        var replicas = cluster.Partition(topic, partition).Replicas;
        var leaders = await ReadAsync(cluster.LeaderOf(topic, partition), topic, partition, cancellationToken);
        foreach (var replica in replicas)
        {
            // A follower hears of the last high watermark with its next fetch.
            var records = await Eventually.AnswersAsync(
                () => ReadAsync(cluster[replica.Value], topic, partition, cancellationToken),
                records => records.Length >= leaders.Length,
                $"broker {replica} has the {leaders.Length} records of {topic}-{partition}");
            records.ShouldBe(leaders, $"broker {replica} has of {topic}-{partition} what its leader has");
        }

        return leaders;
    }

    private static async Task<FetchResponse.PartitionData> FetchAsync(
        KafkaConnection connection, string topic, int partition, long offset, CancellationToken cancellationToken)
    {
        const short LastVersionWithTopicNames = 12;
        var request = new FetchRequest { MaxWaitMs = 100, MinBytes = 1, MaxBytes = 8 << 20 };
        request.Topics.Add(new() { Topic = new TopicName(topic) });
        request.Topics[0].Partitions.Add(new()
        {
            Partition = new PartitionIndex(partition),
            FetchOffset = new Offset(offset),
            PartitionMaxBytes = 4 << 20,
        });
        var answer = await connection.SendAsync<FetchRequest, FetchResponse>(request, cancellationToken, LastVersionWithTopicNames);
        return answer.Responses.Single().Partitions.Single();
    }

    private static void Append(FetchResponse.PartitionData answer, ImmutableArray<StoredRecord>.Builder records)
    {
        var next = records.Count == 0 ? 0 : records[^1].Offset + 1;
        var batches = new RecordBatchReader(answer.Records.Bytes);
        while (batches.TryRead(out var header, out var payload))
        {
            using var reader = new RecordReader(header, payload);
            while (reader.TryRead(out var record))
            {
                if (record.Offset.Value < next) continue;
                records.Add(new StoredRecord(
                    record.Offset.Value, header.PartitionLeaderEpoch.Value, header.Crc, Encoding.UTF8.GetString(record.Value.Span)));
            }
        }
    }
}
