using System.Globalization;
using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>Durable produce, acks=all, 1 KB records, one producer process on one connection.</summary>
public static class ProduceThroughput
{
    private static readonly int[] PartitionCounts = [1, 100, 1_000];
    private static readonly Aim ShareOfCeiling = Aim.AtLeast(0.7);
    private static readonly Aim Spread = Aim.AtMost(0.2);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("durable produce: acks=all, 1 KB records, 63 to a batch, one producer");
        var speeds = new List<double>();
        foreach (var partitions in PartitionCounts)
        {
            var result = await MeasureAsync(run, partitions);
            speeds.Add(result.MegabytesPerSecond);
            Add(run, partitions, result);
        }

        run.Report.Add("spread between them, (most - least) / most", 1 - (speeds.Min() / speeds.Max()), "x", Spread);
    }

    private static async Task<ProduceResult> MeasureAsync(BenchRun run, int partitions)
    {
        using var broker = run.StartBroker();
        using var connection = broker.Connect();
        var spec = new ProduceSpec
        {
            Port = broker.Port,
            BrokerProcessId = broker.ProcessId,
            Topic = "produce",
            Partitions = partitions,
            Seconds = run.Options.Quick ? 2 : 8,
        };
        connection.CreateTopic(spec.Topic, partitions);
        var result = await LoadProcess.StartAsync(spec);
        var stored = connection.EndOffsets(spec.Topic, partitions).Sum(end => end.Value);
        if (stored != result.AllRecords)
        {
            throw new InvalidOperationException($"{result.AllRecords} records were acknowledged, the broker holds {stored}");
        }

        return result;
    }

    private static void Add(BenchRun run, int partitions, ProduceResult result)
    {
        var name = partitions.ToString("N0", CultureInfo.InvariantCulture) + (partitions == 1 ? " partition" : " partitions");
        var speed = result.MegabytesPerSecond;
        run.Report.Add(name, speed, "MB/s");
        run.Report.Add($"{name}: records", speed * 1e6 / ProduceSpec.ValueBytes, "/s");
        run.Report.Add($"{name}: share of synced 1 MB writes of new data", speed / run.Limits.ProduceCeiling, "x", ShareOfCeiling);
        run.Report.Add($"{name}: share of synced 1 MB rewrites", speed / run.Limits.RewriteCeiling, "x", ShareOfCeiling);
        run.Report.Add($"{name}: latency at full load, p99", result.Latency.P99Ms, "ms");
        run.Report.Add($"{name}: processor, broker", result.Cpu.BrokerSeconds / result.Seconds, "cores");
        run.Report.Add($"{name}: processor, producer", result.Cpu.ClientSeconds / result.Seconds, "cores");
    }
}
