using System.Diagnostics;
using Loire.Bench.Statistics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Bench.Load;

/// <summary>One consumer with one fetch in flight, as clients have per broker. Walks the batch headers of what it gets
/// and insists that the offsets run on without a gap.</summary>
public sealed class ConsumeLoad
{
    private const short FetchVersion = 12;
    private const int MaxWaitMs = 500;
    private const int MaxBytes = 50 << 20;
    private const int PartitionMaxBytes = 1 << 20;
    private static readonly TimeSpan IdleEnd = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PatienceForFirst = TimeSpan.FromSeconds(30);

    private readonly ConsumeSpec _spec;
    private readonly FetchRequest _request;
    private readonly List<FetchRequest.FetchPartition> _partitions;
    private long _records;

    private ConsumeLoad(ConsumeSpec spec)
    {
        _spec = spec;
        _partitions = [.. Enumerable.Range(0, spec.Partitions).Select(index => new FetchRequest.FetchPartition
        {
            Partition = new PartitionIndex(index),
            PartitionMaxBytes = PartitionMaxBytes,
        })];
        _request = new FetchRequest
        {
            MaxWaitMs = MaxWaitMs,
            MinBytes = 1,
            MaxBytes = MaxBytes,
            Topics = [new() { Topic = new TopicName(spec.Topic), Partitions = _partitions }],
        };
    }

    public static ConsumeResult Run(ConsumeSpec spec)
    {
        using var connection = new BrokerConnection(spec.Port);
        var load = new ConsumeLoad(spec);
        return spec.Records is { } records ? load.ReadFromStart(connection, records) : load.FollowTail(connection);
    }

    private ConsumeResult ReadFromStart(BrokerConnection connection, long records)
    {
        var cpu = new CpuClock(_spec.BrokerProcessId);
        var start = Stopwatch.GetTimestamp();
        for (var round = 1; round <= _spec.Rounds; round++)
        {
            _partitions.ForEach(partition => partition.FetchOffset = Offset.Zero);
            while (_records < records * round)
            {
                Take(connection.Call<FetchRequest, FetchResponse>(_request, FetchVersion));
            }
        }

        return new ConsumeResult(_records, Stopwatch.GetElapsedTime(start).TotalSeconds, cpu.Elapsed());
    }

    private ConsumeResult FollowTail(BrokerConnection connection)
    {
        var ends = connection.EndOffsets(_spec.Topic, _spec.Partitions);
        _partitions.ForEach(partition => partition.FetchOffset = ends[partition.Partition.Value]);
        CpuClock? cpu = null;
        var usage = new CpuUsage(0, 0);
        var first = Stopwatch.GetTimestamp();
        var last = first;
        while (Stopwatch.GetElapsedTime(last) < (cpu is null ? PatienceForFirst : IdleEnd))
        {
            var before = _records;
            Take(connection.Call<FetchRequest, FetchResponse>(_request, FetchVersion));
            if (_records == before)
            {
                continue;
            }

            last = Stopwatch.GetTimestamp();
            if (cpu is null)
            {
                first = last;
                cpu = new CpuClock(_spec.BrokerProcessId);
            }

            usage = cpu.Elapsed();
        }

        return new ConsumeResult(_records, Stopwatch.GetElapsedTime(first, last).TotalSeconds, usage);
    }

    private void Take(FetchResponse response)
    {
        BrokerCalls.Check(response.ErrorCode, "fetching");
        foreach (var partition in response.Responses.SelectMany(topic => topic.Partitions))
        {
            BrokerCalls.Check(partition.ErrorCode, $"fetching {_spec.Topic}-{partition.PartitionIndex}");
            TakeBatches(_partitions[partition.PartitionIndex.Value], partition.Records.Bytes.FirstSpan);
        }
    }

    private void TakeBatches(FetchRequest.FetchPartition partition, ReadOnlySpan<byte> batches)
    {
        while (batches.Length >= RecordBatchHeader.SizeBytes)
        {
            var header = RecordBatchHeader.Read(batches);
            if (header.TotalSizeBytes > batches.Length)
            {
                break;
            }

            if (header.BaseOffset != partition.FetchOffset)
            {
                throw new InvalidOperationException(
                    $"{_spec.Topic}-{partition.Partition}: a batch at {header.BaseOffset} where {partition.FetchOffset} comes next");
            }

            partition.FetchOffset = header.NextOffset;
            _records += header.RecordsCount;
            batches = batches[header.TotalSizeBytes..];
        }
    }
}
