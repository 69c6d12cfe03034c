using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>One consumer process with one fetch in flight: at the tail of a topic while it is produced to, in what the
/// broker still has in memory, and from disk, against the rate of a producer that has the broker for itself.</summary>
public static class ConsumeThroughput
{
    private const int Partitions = 100;
    private const long BytesInMemory = 32 << 20;
    private const int RoundsInMemory = 64;
    private static readonly Aim TwiceProduce = Aim.AtLeast(2);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("consume: 100 partitions, one consumer");
        using var broker = run.StartBroker();
        var seconds = run.Options.Quick ? 2 : 8;
        CreateTopic(broker, "alone");
        var produced = await LoadProcess.StartAsync(Producing(broker, "alone") with { Seconds = seconds });
        run.Report.Add("produced alone", produced.MegabytesPerSecond, "MB/s");
        await MeasureTailAsync(run, broker, seconds);
        await MeasureMemoryAsync(run, broker, produced);
        await MeasureDiskAsync(run, broker, produced);
    }

    private static async Task MeasureTailAsync(BenchRun run, BrokerProcess broker, double seconds)
    {
        CreateTopic(broker, "tail");
        var consuming = LoadProcess.StartAsync(Consuming(broker, "tail"));
        var produced = await LoadProcess.StartAsync(Producing(broker, "tail") with { Seconds = seconds });
        var consumed = await consuming;
        run.Report.Add("produced while the consumer follows", produced.MegabytesPerSecond, "MB/s");
        run.Report.Add("consumed at the tail", consumed.MegabytesPerSecond, "MB/s");
        run.Report.Add("consumed at the tail / produced", consumed.MegabytesPerSecond / produced.MegabytesPerSecond, "x");
        run.Report.Add("processor at the tail, broker", consumed.Cpu.BrokerSeconds / consumed.Seconds, "cores");
        run.Report.Add("processor at the tail, consumer", consumed.Cpu.ClientSeconds / consumed.Seconds, "cores");
    }

    private static async Task MeasureMemoryAsync(BenchRun run, BrokerProcess broker, ProduceResult alone)
    {
        CreateTopic(broker, "memory");
        var produced = await LoadProcess.StartAsync(Producing(broker, "memory") with { MaxBytes = BytesInMemory });
        var spec = Consuming(broker, "memory") with { Records = produced.AllRecords, Rounds = RoundsInMemory };
        Add(run, "from memory", await LoadProcess.StartAsync(spec), alone);
    }

    private static async Task MeasureDiskAsync(BenchRun run, BrokerProcess broker, ProduceResult alone)
    {
        broker.KillAndRestart();
        var spec = Consuming(broker, "alone") with { Records = alone.AllRecords };
        Add(run, "from disk", await LoadProcess.StartAsync(spec), alone);
    }

    private static void Add(BenchRun run, string source, ConsumeResult consumed, ProduceResult produced)
    {
        run.Report.Add($"consumed {source}", consumed.MegabytesPerSecond, "MB/s");
        run.Report.Add($"consumed {source} / produced alone", consumed.MegabytesPerSecond / produced.MegabytesPerSecond, "x", TwiceProduce);
        run.Report.Add($"processor, broker, {source}", consumed.Cpu.BrokerSeconds / consumed.Seconds, "cores");
        run.Report.Add($"processor, consumer, {source}", consumed.Cpu.ClientSeconds / consumed.Seconds, "cores");
    }

    private static void CreateTopic(BrokerProcess broker, string topic)
    {
        using var connection = broker.Connect();
        connection.CreateTopic(topic, Partitions);
    }

    /// <summary>Without a warm-up, so that producer and consumer measure the same records.</summary>
    private static ProduceSpec Producing(BrokerProcess broker, string topic) => new()
    {
        Port = broker.Port,
        BrokerProcessId = broker.ProcessId,
        Topic = topic,
        Partitions = Partitions,
        WarmUpSeconds = 0,
    };

    private static ConsumeSpec Consuming(BrokerProcess broker, string topic) => new()
    {
        Port = broker.Port,
        BrokerProcessId = broker.ProcessId,
        Topic = topic,
        Partitions = Partitions,
    };
}
