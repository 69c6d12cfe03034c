using Loire.Bench.Limits;
using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>Latency of acks=all at a rate far below what the broker can do, against the disk's own latency for writes of
/// the same size at the same rate. Both count from the moment a write was due, not from the moment it could be made.</summary>
public static class ProduceLatency
{
    private const double BytesPerSecond = 10e6;
    private const int RecordsPerBatch = 16;
    private const int BatchBytes = RecordsPerBatch * ProduceSpec.ValueBytes;
    private static readonly Aim P99 = Aim.AtMost(5);
    private static readonly Aim TimesRawWrite = Aim.AtMost(3);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("produce latency: acks=all, 16 KB batches at a steady 10 MB/s");
        var seconds = run.Options.Quick ? 3 : 15;
        using var broker = run.StartBroker();
        using (var connection = broker.Connect())
        {
            connection.CreateTopic("latency", partitions: 1);
        }

        var raw = DiskLimit.Measure(
            run.Options.DataDirectory, BatchBytes, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(BatchBytes / BytesPerSecond));
        var produced = await LoadProcess.StartAsync(new ProduceSpec
        {
            Port = broker.Port,
            BrokerProcessId = broker.ProcessId,
            Topic = "latency",
            Partitions = 1,
            RecordsPerBatch = RecordsPerBatch,
            MaxRequestBytes = BatchBytes,
            BytesPerSecond = BytesPerSecond,
            Seconds = seconds,
        });
        run.Report.Add("raw synced 16 KB write at this rate, p50", raw.Latency.P50Ms, "ms");
        run.Report.Add("raw synced 16 KB write at this rate, p99", raw.Latency.P99Ms, "ms");
        run.Report.Add("raw synced 16 KB write at this rate, p99.9", raw.Latency.P999Ms, "ms");
        run.Report.Add("produce, rate reached", produced.MegabytesPerSecond, "MB/s");
        run.Report.Add("produce, p50", produced.Latency.P50Ms, "ms");
        run.Report.Add("produce, p99", produced.Latency.P99Ms, "ms", P99);
        run.Report.Add("produce, p99.9", produced.Latency.P999Ms, "ms");
        run.Report.Add("produce p50 / raw write p50", produced.Latency.P50Ms / raw.Latency.P50Ms, "x");
        run.Report.Add("produce p99 / raw write p99", produced.Latency.P99Ms / raw.Latency.P99Ms, "x", TimesRawWrite);
        run.Report.Add("processor, broker", produced.Cpu.BrokerSeconds / produced.Seconds, "cores");
    }
}
