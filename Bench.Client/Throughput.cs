using System.Diagnostics;
using Loire.Client;
using Loire.Protocol;
using Loire.Protocol.Client;
using KafkaTopicPartition = Loire.Protocol.TopicPartition;

namespace Loire.Bench.Client;

/// <summary>Records of 1 KB, acks=all, written and read through the Orleans client in the silo and outside of it, and through
/// our Kafka client, all in one process with the broker. Each writes to and reads from a topic of its own.</summary>
internal static class Throughput
{
    private const int PartitionCount = 16;
    private const int ValueBytes = 1024;
    private const int BatchSizeBytes = 256 * 1024;
    private const int UnderWayMax = 32 * 1024;

    private static readonly byte[] Value = new byte[ValueBytes];

    public static async Task MeasureAsync(OneSilo broker, TimeSpan duration)
    {
        await using var kafka = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Bootstrap });
        await MeasureAsync(
            broker,
            "Kafka client",
            (topic, time) => ProduceAsync(kafka, topic, time),
            (topic, count) => ConsumeAsync(kafka, topic, count),
            duration);
        foreach (var (name, client) in ((string, ILoireClient)[])[("outside", broker.Outside), ("in the silo", broker.Inside)])
        {
            await MeasureAsync(
                broker,
                $"Orleans client {name}",
                (topic, time) => ProduceAsync(client, topic, time),
                (topic, count) => ConsumeAsync(client, topic, count),
                duration);
        }
    }

    private static async Task MeasureAsync(
        OneSilo broker, string name, Func<string, TimeSpan, Task<long>> produce, Func<string, long, Task> consume, TimeSpan duration)
    {
        var topic = name.Replace(' ', '-');
        await broker.Inside.Admin.CreateTopicAsync(topic, PartitionCount, replicationFactor: 1);
        await produce(topic, duration / 4);
        await ReportAsync($"{name}: produce", () => produce(topic, duration));
        var count = await CountAsync(broker, topic);
        await ReportAsync($"{name}: consume", async () =>
        {
            await consume(topic, count);
            return count;
        });
    }

    private static async Task ReportAsync(string name, Func<Task<long>> run)
    {
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var start = Stopwatch.GetTimestamp();
        var records = await run();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Figures.Write(name, records * ValueBytes / 1e6 / seconds, "MB/s");
        Figures.Write($"{name}: records", records / seconds, "/s");
        Figures.Write($"{name}: allocated in the process a record", (double)allocated / records, "B");
    }

    private static async Task<long> CountAsync(OneSilo broker, string topic)
    {
        var count = 0L;
        for (var partition = 0; partition < PartitionCount; partition++)
            count += (await broker.Inside.Admin.GetOffsetsAsync(topic, partition)).HighWatermark;
        return count;
    }

    /// <returns>How many records were acknowledged.</returns>
    private static async Task<long> ProduceAsync(ILoireClient client, string topic, TimeSpan duration)
    {
        await using var producer = client.CreateProducer(new() { BatchSizeBytes = BatchSizeBytes });
        var underWay = new ValueTask<RecordPosition>[UnderWayMax];
        var start = Stopwatch.GetTimestamp();
        var count = 0L;
        for (; Stopwatch.GetElapsedTime(start) < duration; count++)
        {
            if (count >= UnderWayMax) await underWay[count % UnderWayMax];
            underWay[count % UnderWayMax] = producer.ProduceAsync(topic, key: null, Value);
        }

        for (var i = Math.Max(0, count - UnderWayMax); i < count; i++) await underWay[i % UnderWayMax];
        return count;
    }

    private static async Task<long> ProduceAsync(KafkaClient client, string topic, TimeSpan duration)
    {
        var options = new Protocol.Client.ProducerOptions { BatchSizeBytes = BatchSizeBytes, IsIdempotent = true };
        await using var producer = await Producer.CreateAsync(client, options, CancellationToken.None);
        var start = Stopwatch.GetTimestamp();
        var count = 0L;
        for (; Stopwatch.GetElapsedTime(start) < duration; count++)
        {
            await producer.AppendAsync(
                new TopicName(topic), partition: null, key: null, Value, headers: default, timestampMs: 0, CancellationToken.None);
        }

        await producer.FlushAsync(CancellationToken.None);
        return count;
    }

    private static async Task ConsumeAsync(ILoireClient client, string topic, long count)
    {
        await foreach (var batch in client.CreateConsumer(topic, StartPosition.Beginning))
        {
            count -= batch.Count;
            if (count <= 0) return;
        }
    }

    private static async Task ConsumeAsync(KafkaClient client, string topic, long count)
    {
        var fetcher = new Fetcher(client, new FetcherOptions { PartitionMaxBytes = 1024 * 1024 });
        for (var partition = 0; partition < PartitionCount; partition++)
            fetcher.Assign(new KafkaTopicPartition(new TopicName(topic), new PartitionIndex(partition)), Offset.Zero);
        while (count > 0)
        {
            using var result = await fetcher.FetchAsync(CancellationToken.None);
            foreach (var partition in result.Partitions) partition.Read((in _) => count--);
        }
    }
}
