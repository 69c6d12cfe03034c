using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Bench.Load;

/// <summary>Prebuilt produce requests that go over a topic's partitions in turn. For any number of partitions they take
/// the same memory, about what a producer buffers, so that the sender's caches favour none.</summary>
public sealed class ProduceFrames
{
    private const short ProduceVersion = 9;
    private const long TotalBytes = 64 << 20;
    private const int DistinctBatches = 16;
    private const short AllInSyncReplicas = -1;
    private const int TimeoutMs = 30_000;

    private readonly byte[][] _frames;
    private int _next;

    public ProduceFrames(ProduceSpec spec)
    {
        PayloadBytes = spec.PartitionsPerRequest * spec.BatchPayloadBytes;
        Records = spec.PartitionsPerRequest * spec.RecordsPerBatch;
        var batches = Enumerable.Range(0, DistinctBatches).Select(seed => BuildBatch(spec.RecordsPerBatch, seed)).ToArray();
        var toCoverAllPartitions = (spec.Partitions + spec.PartitionsPerRequest - 1) / spec.PartitionsPerRequest;
        _frames = new byte[Math.Max(toCoverAllPartitions, (int)(TotalBytes / PayloadBytes))][];
        for (var i = 0; i < _frames.Length; i++)
        {
            var first = i * spec.PartitionsPerRequest;
            var partitions = Enumerable.Range(first, spec.PartitionsPerRequest)
                .Select(number => (number % spec.Partitions, batches[number % DistinctBatches]));
            _frames[i] = BrokerConnection.Frame(BuildRequest(spec.Topic, partitions, TimeoutMs), ProduceVersion);
        }
    }

    /// <summary>Bytes of all record values in one request.</summary>
    public int PayloadBytes { get; }

    /// <summary>Records in one request.</summary>
    public int Records { get; }

    public Span<byte> Next(int correlationId)
    {
        var frame = _frames[_next];
        _next = (_next + 1) % _frames.Length;
        BrokerConnection.SetCorrelationId(frame, correlationId);
        return frame;
    }

    /// <summary>Sends one small record.</summary>
    /// <returns>Whether it was acknowledged.</returns>
    public static bool TryProduceOne(BrokerConnection connection, string topic, int partition, int timeoutMs)
    {
        var batch = BuildBatch(recordCount: 1, seed: partition);
        var request = BuildRequest(topic, [(partition, batch)], timeoutMs);
        var response = connection.Call<ProduceRequest, ProduceResponse>(request, ProduceVersion);
        return response.Responses.Single().PartitionResponses.Single().ErrorCode == ErrorCode.None;
    }

    /// <exception cref="InvalidOperationException">A partition was refused.</exception>
    public static void CheckResponse(ReadOnlySequence<byte> frame)
    {
        foreach (var topic in BrokerConnection.Read<ProduceResponse>(frame, ProduceVersion).Responses)
        {
            foreach (var partition in topic.PartitionResponses)
            {
                BrokerCalls.Check(partition.ErrorCode, $"producing to {topic.Name}-{partition.Index}: {partition.ErrorMessage}");
            }
        }
    }

    private static ProduceRequest BuildRequest(
        string topic, IEnumerable<(int Index, byte[] Batch)> partitions, int timeoutMs) => new()
        {
            Acks = AllInSyncReplicas,
            TimeoutMs = timeoutMs,
            TopicData =
        [
            new()
            {
                Name = new TopicName(topic),
                PartitionData = [.. partitions.Select(partition => new ProduceRequest.PartitionProduceData
                {
                    Index = new PartitionIndex(partition.Index),
                    Records = new RecordsPayload(new ReadOnlySequence<byte>(partition.Batch)),
                })],
            },
        ],
        };

    private static byte[] BuildBatch(int recordCount, int seed)
    {
        using var builder = new RecordBatchBuilder();
        var random = new Random(seed);
        var value = new byte[ProduceSpec.ValueBytes];
        var nowMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < recordCount; i++)
        {
            random.NextBytes(value);
            builder.Append(nowMs, RecordBytes.Null, value);
        }

        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenSpan.ToArray();
    }
}
