using System.Buffers;
using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Tests.Broker.Partitions;
using Loire.Tests.Protocol.Records;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using PartitionState = Loire.Broker.Control.PartitionState;

namespace Loire.Tests.Log.Golden;

/// <summary>Those parts of a single broker that keep something in its data directory, without a network in front.</summary>
internal sealed class GoldenBroker : IAsyncDisposable
{
    public const long ProducerId = 4;
    public const short ProducerEpoch = 1;
    private const int RecordsInBatch = 2;
    private const int ValueLength = 400;
    private const long FirstTimestampMs = 1_700_000_000_000;

    private static readonly NodeId Node = new(1);
    private static readonly NodeId OtherNode = new(2);
    private readonly SingleNodePartitions _partitions;

    private GoldenBroker(string directory)
    {
        Store = LogStore.Open(OptionsFor(directory));
        Identity = DirectoryIdentity.Open(directory, Node);
        _partitions = new SingleNodePartitions(Store, Node, TimeProvider.System, NullLogger<SingleNodePartitions>.Instance);
        Catalog = SingleNodeTopicCatalog.Open(
            Identity, ConfigLayers.FromHost([]), _partitions, NullLogger<SingleNodeTopicCatalog>.Instance);
        ProducerIds = SingleNodeProducerIds.Open(directory);
    }

    public LogStore Store { get; }
    public DirectoryIdentity Identity { get; }
    public SingleNodeTopicCatalog Catalog { get; }
    public SingleNodeProducerIds ProducerIds { get; }

    /// <summary>Segments so small that a few batches fill one.</summary>
    public static LogStoreOptions OptionsFor(string directory) => new()
    {
        DataDirectory = directory,
        SegmentBytes = 1 << 14,
        MemoryBytes = 1 << 14,
        MaxBatchBytes = 1 << 10,
    };

    public static GoldenBroker Open(string directory) => new(directory);

    /// <summary>What stands in each partition at these offsets.</summary>
    public static IEnumerable<TestRecord> Records(string topic, int partition, long from, long until)
    {
        for (var offset = from; offset < until; offset++)
        {
            yield return new TestRecord(FirstTimestampMs + offset, $"{offset}", $"{topic}-{partition} {offset} ".PadRight(ValueLength, '.'))
            {
                Offset = offset,
            };
        }
    }

    public Task CreateTopicAsync(string name, int partitions, params (string Name, string Value)[] configs) =>
        Catalog.CreateTopicAsync(
            new NewTopic(
                new TopicName(name),
                partitions,
                -1,
                null,
                configs.ToImmutableSortedDictionary(config => config.Name, config => config.Value, StringComparer.Ordinal)),
            validateOnly: false,
            CancellationToken.None);

    public Task DeleteTopicAsync(string name) =>
        Catalog.DeleteTopicAsync(Catalog.Current.Find(new TopicName(name))!.Id, CancellationToken.None);

    /// <summary>Finds it while it follows too.</summary>
    public PartitionReplica Find(string topic, int partition) => _partitions.Replicas.Single(replica =>
        replica.Partition.Topic == new TopicName(topic) && replica.Partition.Partition == new PartitionIndex(partition));

    /// <summary>Appends batches of two records each, and waits until they are committed.</summary>
    public async Task AppendAsync(string topic, int partition, int batches)
    {
        for (var i = 0; i < batches; i++)
            (await SendAsync(topic, partition, producerId: -1, sequence: -1)).Error.ShouldBe(ErrorCode.None);
    }

    /// <summary>Appends one batch, of an idempotent producer where a sequence is given.</summary>
    public async Task<AppendResult> SendAsync(string topic, int partition, long producerId, int sequence)
    {
        var replica = Find(topic, partition);
        using var builder = new RecordBatchBuilder
        {
            ProducerId = new ProducerId(producerId),
            ProducerEpoch = producerId < 0 ? (short)-1 : ProducerEpoch,
            BaseSequence = sequence,
        };
        var next = replica.LogEndOffset.Value;
        foreach (var record in Records(topic, partition, next, next + RecordsInBatch))
            record.AppendTo(builder);
        var batch = new ArrayBufferWriter<byte>();
        builder.Build(batch);
        return await replica.AppendAndCommitAsync(batch.WrittenSpan.ToArray(), CancellationToken.None);
    }

    /// <summary>Lets it lead in an epoch, as a controller would.</summary>
    public void Lead(string topic, int partition, int epoch) => Find(topic, partition).Apply(
        PartitionState.Sole(Node, new LeaderEpoch(epoch)) with { PartitionEpoch = epoch });

    /// <summary>Lets it follow in an epoch, whose leader has nothing from <paramref name="end"/> on.</summary>
    public void Truncate(string topic, int partition, int epoch, long end)
    {
        var replica = Find(topic, partition);
        replica.Apply(PartitionState.Sole(OtherNode, new LeaderEpoch(epoch)) with { PartitionEpoch = epoch });
        var position = replica.GetFetchPosition();
        var diverging = new EpochEnd(position.LastFetchedEpoch, new Offset(end));
        replica.TakeFetched(
            position, new FollowerRead(ErrorCode.None, diverging, null, Offset.Zero, replica.LogStartOffset), default)
            .ShouldBe(FetchedOutcome.Taken);
    }

    public List<TestRecord> ReadAll(string topic, int partition)
    {
        var replica = Find(topic, partition);
        var bytes = new ArrayBufferWriter<byte>();
        for (var from = replica.LogStartOffset; from < replica.HighWatermark;)
        {
            var read = replica.Read(from, int.MaxValue, atLeastOne: true, ReadIsolation.Uncommitted);
            read.Records!.CopyTo(bytes);
            read.Records.Release();
            from = read.NextOffset;
        }

        return TestRecord.ReadAll(new ReadOnlySequence<byte>(bytes.WrittenMemory));
    }

    public async ValueTask DisposeAsync()
    {
        await Catalog.DisposeAsync();
        await Store.DisposeAsync();
    }
}
