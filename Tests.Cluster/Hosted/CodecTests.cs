using System.Text;
using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>What the Orleans client compresses Kafka clients read, and the other way round.</summary>
[Collection(nameof(HostedClusters))]
public sealed class CodecTests
{
    private const int RecordCount = 50;

    private static readonly Message[] Sent =
    [
        .. Enumerable.Range(0, RecordCount).Select(number => new Message(
            $"key-{number}", $"value-{number}-{new string('x', 200)}", Partition: 0, Timestamp: null, ("kind", "test"))),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_codec_is_read_on_both_sides()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        foreach (var codec in Enum.GetValues<CompressionCodec>())
        {
            var name = codec.ToString().ToLowerInvariant();
            await ToKafkaAsync(cluster, codec, $"to-kafka-{name}");
            await FromKafkaAsync(cluster, ClientKind.Confluent, codec, $"from-confluent-{name}");
            await FromKafkaAsync(cluster, ClientKind.Kcat, codec, $"from-kcat-{name}");
        }
    }

    private static async Task ToKafkaAsync(LoireTestCluster cluster, CompressionCodec codec, string topic)
    {
        await cluster.CreateTopicAsync(topic, Cancelled, partitions: 1);
        await using (var producer = cluster.Client.CreateProducer(new() { Compression = codec, Linger = TimeSpan.FromHours(1) }))
        {
            var answers = Sent.Select(message => producer.ProduceAsync(
                topic,
                Encoding.UTF8.GetBytes(message.Key!),
                Encoding.UTF8.GetBytes(message.Value!),
                new RecordHeader[] { new("kind", "test"u8.ToArray()) },
                cancellationToken: Cancelled).AsTask()).ToList();
            await producer.FlushAsync(Cancelled);
            await Task.WhenAll(answers);
        }

        (await StoredCodecsAsync(cluster, topic)).ShouldBe([codec]);
        foreach (var kind in (ClientKind[])[ClientKind.Kcat, ClientKind.Confluent])
        {
            var read = await Clients.ConsumeAsync(kind, cluster.Bootstrap, topic, RecordCount);
            read.Select(Message.ContentOf).ShouldBe(Sent.Select(message => message.Content), $"{kind} {codec}");
        }
    }

    private static async Task FromKafkaAsync(LoireTestCluster cluster, ClientKind kind, CompressionCodec codec, string topic)
    {
        await cluster.CreateTopicAsync(topic, Cancelled, partitions: 1);
        await Clients.ProduceAsync(kind, cluster.Bootstrap, topic, Sent, codec.ToString().ToLowerInvariant());
        var stored = await StoredCodecsAsync(cluster, topic);
        stored.ShouldNotBeEmpty();
        stored.ShouldAllBe(known => known == codec);
        var read = new List<string>();
        await foreach (var batch in cluster.Client.CreateConsumer(topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            foreach (var record in batch)
                read.Add(Describe(record));
            if (read.Count >= RecordCount) break;
        }

        read.ShouldBe(Sent.Select(message => message.Content), $"{kind} {codec}");
    }

    private static string Describe(ConsumeRecord record)
    {
        var headers = new List<(string, string?)>();
        foreach (var header in record.Headers)
            headers.Add((Encoding.UTF8.GetString(header.Name), Encoding.UTF8.GetString(header.Value.Span)));
        return new Message(Text(record.Key), Text(record.Value), null, null, [.. headers]).Content;
    }

    private static string? Text(ReadOnlyMemory<byte>? bytes) => bytes is { } text ? Encoding.UTF8.GetString(text.Span) : null;

    /// <summary>The codec of each batch as it lies in the log.</summary>
    private static async Task<List<CompressionCodec>> StoredCodecsAsync(LoireTestCluster cluster, string topic)
    {
        var partition = cluster.Orleans.GetGrain<IPartitionGrain>(PartitionKey.Of(topic, 0));
        var answer = await partition.ReadAsync(new ReadRequest(0, 1024 * 1024, MaxWaitMs: 0, IsCommittedOnly: false));
        answer.Error.ShouldBe((short)0);
        var codecs = new List<CompressionCodec>();
        for (var rest = answer.Batches; !rest.IsEmpty;)
        {
            var header = RecordBatchHeader.Read(rest.Span);
            codecs.Add(header.Codec);
            rest = rest[header.TotalSizeBytes..];
        }

        return codecs;
    }
}
