using BenchmarkDotNet.Attributes;
using Loire.Bench.Load;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Bench.Measurements;

/// <summary>One request of one batch to a broker in this process, through a real connection. The client allocates nothing,
/// so what BenchmarkDotNet counts for the whole process is the broker's.</summary>
public class RequestBenchmarks
{
    private const short FetchVersion = 12;
    private const int MaxWaitMs = 500;
    private const int MaxBytes = 50 << 20;

    private EmbeddedBroker _broker = null!;
    private BrokerConnection _connection = null!;
    private ProduceFrames _produce = null!;
    private byte[] _fetch = null!;

    /// <summary>Records in the batch.</summary>
    [Params(1, 100, 1_000)]
    public int Records { get; set; }

    [GlobalSetup]
    public void Start()
    {
        _broker = EmbeddedBroker.StartAsync().GetAwaiter().GetResult();
        var port = new Uri("kafka://" + _broker.BootstrapServers).Port;
        _connection = new BrokerConnection(port);
        _connection.CreateTopic("allocations", partitions: 1);
        _produce = new ProduceFrames(new ProduceSpec
        {
            Port = port,
            BrokerProcessId = Environment.ProcessId,
            Topic = "allocations",
            Partitions = 1,
            RecordsPerBatch = Records,
        });
        _connection.Send(_produce.Next(correlationId: 0));
        ProduceFrames.CheckResponse(_connection.Receive());
        // The first batch alone is as large as a partition may answer.
        _fetch = BrokerConnection.Frame(FetchFirst(Records * ProduceSpec.ValueBytes), FetchVersion);
    }

    [Benchmark]
    public long Produce()
    {
        _connection.Send(_produce.Next(correlationId: 0));
        return _connection.Receive().Length;
    }

    [Benchmark]
    public long Fetch()
    {
        _connection.Send(_fetch);
        return _connection.Receive().Length;
    }

    [GlobalCleanup]
    public void Stop()
    {
        _connection.Dispose();
        _broker.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static FetchRequest FetchFirst(int partitionMaxBytes) => new()
    {
        MaxWaitMs = MaxWaitMs,
        MinBytes = 1,
        MaxBytes = MaxBytes,
        Topics =
        [
            new()
            {
                Topic = new TopicName("allocations"),
                Partitions = [new() { FetchOffset = Offset.Zero, PartitionMaxBytes = partitionMaxBytes }],
            },
        ],
    };
}
