using System.Globalization;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Writes the numbers 0, 1, 2 … to one partition with acks=all by an idempotent producer, and proves that all
/// that was acknowledged is there: once and in order.</summary>
internal sealed class Ledger : IAsyncDisposable
{
    private readonly KafkaClient _client;
    private readonly Producer _producer;
    private readonly TopicPartition _partition;
    private int _acknowledged;

    private Ledger(KafkaClient client, Producer producer, TopicPartition partition)
    {
        _client = client;
        _producer = producer;
        _partition = partition;
    }

    /// <summary>How many were acknowledged.</summary>
    public int Acknowledged => Volatile.Read(ref _acknowledged);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<Ledger> OpenAsync(TestCluster cluster, TopicName topic, int partition = 0)
    {
        var client = cluster.Client();
        var options = new ProducerOptions { IsIdempotent = true, AllowAutoTopicCreation = false, DeliveryTimeout = Eventually.Patience };
        return new Ledger(
            client, await Producer.CreateAsync(client, options, Token), new TopicPartition(topic, new PartitionIndex(partition)));
    }

    /// <summary>Writes that many more, and returns when all are acknowledged.</summary>
    public async Task WriteAsync(int count)
    {
        for (var i = Acknowledged; count > 0; i++, count--)
        {
            var value = Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture));
            var nowMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
            await _producer.AppendAsync(
                _partition.Topic, _partition.Partition, null, value, ReadOnlyMemory<RecordHeader>.Empty, nowMs, Token);
            if (i % 5 != 0 && count > 1) continue;
            await _producer.FlushAsync(Token);
            Volatile.Write(ref _acknowledged, i + 1);
        }
    }

    /// <summary>Reads the partition from its start: it holds what was acknowledged, once and in order.</summary>
    public async Task ProveAsync()
    {
        var expected = Acknowledged;
        await using var client = new KafkaClient(_client.Options);
        var fetcher = new Fetcher(client, new FetcherOptions());
        fetcher.Assign(_partition, Offset.Zero);
        var read = new List<int>();
        while (read.Count < expected)
        {
            using var result = await fetcher.FetchAsync(Token);
            foreach (var fetched in result.Partitions) fetched.Read(Take);
        }

        read.ShouldBe(Enumerable.Range(0, expected));

        void Take(in RecordView record) =>
            read.Add(int.Parse(Encoding.ASCII.GetString(record.Value.Span), CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        await _producer.DisposeAsync();
        await _client.DisposeAsync();
    }
}
