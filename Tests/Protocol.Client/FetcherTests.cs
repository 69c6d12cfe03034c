using System.Buffers;
using System.Collections.Concurrent;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

/// <summary>A topic of two partitions, each led by a broker of its own.</summary>
public sealed class FetcherTests
{
    private static readonly TopicName Topic = new("t");

    [Fact]
    public async Task Records_of_one_leader_are_not_skipped_when_another_fails()
    {
        await using var first = new ScriptedBroker();
        await using var second = new ScriptedBroker();
        first.Answer<MetadataRequest>(_ => Metadata(first, second));
        var asked = new ConcurrentQueue<Offset>();
        first.Answer<FetchRequest>(request =>
        {
            var offset = request.Topics.Single().Partitions.Single().FetchOffset;
            asked.Enqueue(offset);
            return Answer(0, offset == Offset.Zero ? Batch("first") : ReadOnlyMemory<byte>.Empty);
        });
        var fetches = 0;
        second.Answer<FetchRequest>(_ => Interlocked.Increment(ref fetches) == 1
            ? Answer(1, ReadOnlyMemory<byte>.Empty, ErrorCode.NotLeaderOrFollower)
            : Answer(1, Batch("second")));
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = first.Address });
        var fetcher = new Fetcher(client, new FetcherOptions());
        for (var partition = 0; partition < 2; partition++)
            fetcher.Assign(new TopicPartition(Topic, new PartitionIndex(partition)), Offset.Zero);

        using var result = await fetcher.FetchAsync(TestContext.Current.CancellationToken);
        var read = new List<string?>();
        foreach (var fetched in result.Partitions)
            fetched.Read((in record) => read.Add(record.Value.ToText()));
        read.ShouldBe(["first", "second"]);
        asked.ShouldBe([Offset.Zero, Offset.Zero]);
        fetcher.Positions.Values.ShouldAllBe(position => position == new Offset(1));
    }

    private static MetadataResponse Metadata(params ScriptedBroker[] brokers) => new()
    {
        ControllerId = new NodeId(0),
        Brokers =
        [
            .. brokers.Select((broker, id) => new MetadataResponse.MetadataResponseBroker
            {
                NodeId = new NodeId(id),
                Host = "127.0.0.1",
                Port = broker.Port,
            }),
        ],
        Topics =
        [
            new()
            {
                Name = Topic,
                Partitions =
                [
                    .. brokers.Select((_, id) => new MetadataResponse.MetadataResponsePartition
                    {
                        PartitionIndex = new PartitionIndex(id),
                        LeaderId = new NodeId(id),
                    }),
                ],
            },
        ],
    };

    private static FetchResponse Answer(int partition, ReadOnlyMemory<byte> records, ErrorCode error = ErrorCode.None) => new()
    {
        Responses =
        [
            new()
            {
                Topic = Topic,
                Partitions =
                [
                    new()
                    {
                        PartitionIndex = new PartitionIndex(partition),
                        ErrorCode = error,
                        HighWatermark = new Offset(1),
                        Records = new RecordsPayload(new ReadOnlySequence<byte>(records)),
                    },
                ],
            },
        ],
    };

    private static ReadOnlyMemory<byte> Batch(string value)
    {
        using var builder = new RecordBatchBuilder();
        builder.Append(timestampMs: 1, RecordBytes.Null, new RecordBytes(System.Text.Encoding.UTF8.GetBytes(value)));
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenMemory;
    }
}
