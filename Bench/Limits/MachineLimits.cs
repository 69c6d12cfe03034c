using System.Globalization;
using Loire.Bench.Report;

namespace Loire.Bench.Limits;

/// <summary>What the machine itself can do, measured in the same run as the broker: the figures that its own are set
/// against. MB/s.</summary>
public sealed record MachineLimits(double SyncedWrite, double LoopbackReceive)
{
    private const int Kilobyte = 1024;
    private static readonly int[] WriteSizes = [4 * Kilobyte, 16 * Kilobyte, 64 * Kilobyte, 256 * Kilobyte, 1024 * Kilobyte];

    /// <summary>What durable produce over one connection cannot exceed.</summary>
    public double ProduceCeiling => Math.Min(SyncedWrite, LoopbackReceive);

    public static MachineLimits Measure(BenchReport report, BenchOptions options)
    {
        var duration = TimeSpan.FromSeconds(options.Quick ? 0.5 : 2);
        report.Begin("limits of this machine");
        var largest = default(DiskFigures);
        foreach (var size in WriteSizes)
        {
            largest = DiskLimit.Measure(options.DataDirectory, size, duration);
            var name = $"synced write of {(size / Kilobyte).ToString(CultureInfo.InvariantCulture)} KB";
            report.Add(name, largest.MegabytesPerSecond, "MB/s");
            report.Add(name + ", p50", largest.Latency.P50Ms, "ms");
            report.Add(name + ", p99", largest.Latency.P99Ms, "ms");
        }

        if (!largest!.IsDirect)
        {
            report.Note("The file system knows no direct I/O: the writes above went through the page cache, then synced.");
        }

        var loopback = LoopbackLimit.Measure(duration);
        report.Add("loopback, one sender to one receiving core", loopback, "MB/s");
        report.Add("memory copy, one core", MemoryLimit.MeasureCopy(duration), "MB/s");
        report.Add("CRC-32C, one core", MemoryLimit.MeasureChecksum(duration), "MB/s");
        return new MachineLimits(largest.MegabytesPerSecond, loopback);
    }
}
