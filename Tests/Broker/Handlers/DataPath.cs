using System.Buffers;
using System.Collections.Immutable;
using Loire.Broker.Handlers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;
using Loire.Tests.Broker.Partitions;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>The data path handlers over one broker's partitions and a log in memory.</summary>
internal sealed class DataPath
{
    public static readonly NodeId Self = new(1);

    public DataPath(FakeLogStore? store = null, TimeProvider? time = null, BrokerConfig? config = null)
    {
        Store = store ?? new FakeLogStore();
        Time = time ?? new FakeTime();
        Partitions = new SingleNodePartitions(Store, Self, Time, NullLogger<SingleNodePartitions>.Instance);
        var brokers = new OneBroker();
        Produce = new ProduceHandler(Partitions, brokers, Time);
        Fetch = new FetchHandler(
            Partitions,
            brokers,
            new FixedBrokerConfigs(config ?? BrokerConfig.Default),
            NoFollowers.Instance,
            Time,
            NullLogger<FetchHandler>.Instance);
    }

    public FakeLogStore Store { get; }
    public TimeProvider Time { get; }
    public SingleNodePartitions Partitions { get; }
    public ProduceHandler Produce { get; }
    public FetchHandler Fetch { get; }
    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    public static RequestContext Context(int version, string? clientId = "test") =>
        new((short)version, 7, clientId, new ClientConnection { Id = "c" }, CancellationToken.None);

    public static TopicMetadata Topic(string name, int partitions = 1, TopicConfig? config = null, int leaderEpoch = 0) => new(
        new TopicName(name),
        IdOf(name),
        IsInternal: false,
        [
            .. Enumerable.Range(0, partitions).Select(index => new PartitionMetadata(
                new PartitionIndex(index), Self, new LeaderEpoch(leaderEpoch), [Self], [Self], [])),
        ],
        config ?? TopicConfig.Default,
        ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>The same id for the same name.</summary>
    public static TopicId IdOf(string name)
    {
        var bytes = new byte[16];
        System.Text.Encoding.UTF8.GetBytes(name.AsSpan(0, Math.Min(16, name.Length)), bytes);
        return new TopicId(new Guid(bytes));
    }

    public DataPath With(string topic, int partitions = 1, TopicConfig? config = null, int leaderEpoch = 0)
    {
        Partitions.Apply(Topic(topic, partitions, config, leaderEpoch));
        return this;
    }

    public PartitionReplica Replica(string topic, int partition = 0) =>
        Partitions.Find(new TopicName(topic), new PartitionIndex(partition)).Replica!;

    /// <summary>Produces one batch and gives its partition's answer, which went over the wire.</summary>
    public async Task<ProduceResponse.PartitionProduceResponse> ProduceAsync(
        string topic, byte[] batch, int version = 12, short acks = -1, int partition = 0, int timeoutMs = 1_000)
    {
        var answer = await await DispatchAsync(topic, batch, version, acks, partition, timeoutMs);
        return RoundTrip(answer!, version).Responses.Single().PartitionResponses.Single();
    }

    public ValueTask<Task<ProduceResponse?>> DispatchAsync(
        string topic, byte[] batch, int version = 12, short acks = -1, int partition = 0, int timeoutMs = 1_000, string? clientId = "test")
    {
        var request = new ProduceRequest { Acks = acks, TimeoutMs = timeoutMs };
        var data = new ProduceRequest.TopicProduceData { Name = new TopicName(topic), TopicId = IdOf(topic) };
        data.PartitionData.Add(new()
        {
            Index = new PartitionIndex(partition),
            Records = new RecordsPayload(new ReadOnlySequence<byte>(batch)),
        });
        request.TopicData.Add(data);
        return Produce.DispatchAsync(Context(version, clientId), request);
    }

    /// <summary>Appends a batch that is committed when this returns.</summary>
    public async Task AppendAsync(string topic, int records = 1, int partition = 0, int valueSize = 10)
    {
        var result = await Replica(topic, partition).AppendAndCommitAsync(
            Batches.Bytes(records, valueSize, timestampMs: NowMs), TestContext.Current.CancellationToken);
        result.Error.ShouldBe(ErrorCode.None);
    }

    /// <summary>The message as its reader gets it: fails where the version cannot carry it.</summary>
    public static T RoundTrip<T>(T message, int version)
        where T : class, IMessage<T>
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(output);
        message.Write(ref writer, (short)version);
        writer.Flush();
        output.WrittenCount.ShouldBe(message.SizeOf((short)version));
        var reader = new WireReader(new ReadOnlySequence<byte>(output.WrittenMemory));
        return T.Read(ref reader, (short)version);
    }

    private sealed class OneBroker : IBrokerDirectory
    {
        public string ClusterId => "test";
        public NodeId LocalNode => Self;
        public NodeId Controller => Self;
        public ImmutableArray<BrokerEndpoint> Brokers => [new(Self, "localhost", 9092, null)];
    }
}
