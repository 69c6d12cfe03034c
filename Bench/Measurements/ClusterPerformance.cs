using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>Three silos on this machine, which share its disk and its cores, beside one broker that has them for
/// itself.</summary>
public static class ClusterPerformance
{
    private const int MillisecondsPerSecond = 1_000;
    private const int SmallBatchRecords = 16;
    private const double CalmShare = 0.1;

    /// <summary>Three silos that have just started compile four thousand methods each, a second time: from the fourth second
    /// of the load to the tenth the JIT took 15 to 22 % of two cores. The single broker is loaded as long beforehand.</summary>
    private const double WarmUpSeconds = 8;

    /// <summary>Small requests are new to the silos: what the JIT compiles for them took a quarter of two cores in the third
    /// second.</summary>
    private const double CalmWarmUpSeconds = 5;
    private static readonly int[] PartitionCounts = [1, 100];
    private static readonly Aim ShareOfSingle = Aim.AtLeast(0.25);
    private static readonly Aim CalmP99 = Aim.AtMost(15);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("cluster: three silos, three replicas, min.insync.replicas 2, acks=all, 1 KB records, one producer");
        if (SiloCluster.WhyNot is { } reason)
        {
            run.Report.Note("not measured: " + reason);
            return;
        }

        foreach (var partitions in PartitionCounts) await CompareAsync(run, partitions);
    }

    private static async Task CompareAsync(BenchRun run, int partitions)
    {
        var name = partitions == 1 ? "1 partition" : $"{partitions} partitions";
        var single = await MeasureSingleAsync(run, partitions);
        using var cluster = SiloCluster.Start(run.Options.DataDirectory);
        const int leader = 1;
        cluster.CreateTopic("produce", partitions, leader);
        var spec = Spec(run, cluster.Silo(leader).Port, cluster.Silo(leader).ProcessId, "produce", partitions);
        var replicated = await LoadProcess.StartAsync(spec);
        var speed = replicated.MegabytesPerSecond;
        run.Report.Add($"{name}: single broker", single.MegabytesPerSecond, "MB/s");
        run.Report.Add($"{name}: cluster", speed, "MB/s");
        run.Report.Add($"{name}: cluster / single broker", speed / single.MegabytesPerSecond, "x", ShareOfSingle);
        run.Report.Add($"{name}: latency at full load, p99", replicated.Latency.P99Ms, "ms");
        run.Report.Add($"{name}: processor, leader's silo", replicated.Cpu.BrokerSeconds / replicated.Seconds, "cores");

        cluster.CreateTopic("calm", partitions, leader);
        var calm = await LoadProcess.StartAsync(spec with
        {
            Topic = "calm",
            RecordsPerBatch = SmallBatchRecords,
            MaxRequestBytes = SmallBatchRecords * ProduceSpec.ValueBytes,
            BytesPerSecond = speed * 1e6 * CalmShare,
            WarmUpSeconds = CalmWarmUpSeconds,
        });
        run.Report.Add($"{name}: rate of a tenth of that", calm.MegabytesPerSecond, "MB/s");
        run.Report.Add($"{name}: latency at that rate, p50", calm.Latency.P50Ms, "ms");
        run.Report.Add($"{name}: latency at that rate, p99", calm.Latency.P99Ms, "ms", CalmP99);
    }

    private static async Task<ProduceResult> MeasureSingleAsync(BenchRun run, int partitions)
    {
        using var broker = run.StartBroker();
        using (var connection = broker.Connect()) connection.CreateTopic("produce", partitions);
        return await LoadProcess.StartAsync(Spec(run, broker.Port, broker.ProcessId, "produce", partitions));
    }

    private static ProduceSpec Spec(BenchRun run, int port, int processId, string topic, int partitions) => new()
    {
        Port = port,
        BrokerProcessId = processId,
        Topic = topic,
        Partitions = partitions,
        WarmUpSeconds = run.Options.Quick ? 2 : WarmUpSeconds,
        Seconds = run.Options.Quick ? 3 : 8,
    };
}
