using Loire.Bench.Limits;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>One section of the report, which can be run alone by its name.</summary>
public sealed record Measurement(string Name, string Description, Func<BenchRun, Task> RunAsync)
{
    /// <summary>In the order they run.</summary>
    public static readonly IReadOnlyList<Measurement> All =
    [
        new("limits", "what the disk, loopback and memory do without a broker", _ => Task.CompletedTask),
        new("produce", "durable produce to 1, 100 and 1,000 partitions", ProduceThroughput.RunAsync),
        new("latency", "produce latency at a steady 10 MB/s", ProduceLatency.RunAsync),
        new("consume", "consuming at the tail, from memory and from disk", ConsumeThroughput.RunAsync),
        new("wakeup", "how soon an idle consumer gets a record", WakeUpLatency.RunAsync),
        new("start", "time from process start to the first answer, and of an embedded broker's start", StartTime.RunAsync),
        new("memory", "resident memory, idle, with 1,000 connections and with 10,000 partitions", ResidentMemory.RunAsync),
        new("recovery", "time to the first answer after kill -9 with 4 GB in the log", RecoveryTime.RunAsync),
        new("cluster", "three silos beside one broker", ClusterPerformance.RunAsync),
        new("failover", "how long a partition takes no writes when its leader is killed", FailoverTime.RunAsync),
        new("client", "the Orleans client beside a Kafka client, and a grain call beside a direct one", OrleansClient.RunAsync),
        new("allocations", "bytes allocated per produced and fetched batch", Allocations.RunAsync),
    ];
}

/// <summary>What a measurement works with.</summary>
public sealed record BenchRun(BenchOptions Options, BenchReport Report, MachineLimits Limits)
{
    public BrokerProcess StartBroker() => BrokerProcess.Start(Options.DataDirectory);
}
