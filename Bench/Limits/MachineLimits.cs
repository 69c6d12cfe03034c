using System.Globalization;
using Loire.Bench.Report;

namespace Loire.Bench.Limits;

/// <summary>What the machine itself can do, measured in the same run as the broker: the figures that its own are set
/// against. MB/s.</summary>
/// <param name="SyncedWrite">Of the same 1 MB over and over, into space that was written before.</param>
/// <param name="SyncedNewData">Of 1 MB a write, as a log that grows writes it.</param>
public sealed record MachineLimits(double SyncedWrite, double SyncedNewData, double LoopbackReceive)
{
    private const int Kilobyte = 1024;
    private static readonly int[] WriteSizes = [4 * Kilobyte, 16 * Kilobyte, 64 * Kilobyte, 256 * Kilobyte, 1024 * Kilobyte];

    /// <summary>What durable produce over one connection cannot exceed.</summary>
    public double ProduceCeiling => Math.Min(SyncedNewData, LoopbackReceive);

    /// <summary>The same for a log that would only ever write the same bytes over itself.</summary>
    public double RewriteCeiling => Math.Min(SyncedWrite, LoopbackReceive);

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

        var newData = DiskLimit.MeasureNewData(options.DataDirectory, WriteSizes[^1], duration);
        report.Add("synced write of 1024 KB, new data into new space", newData, "MB/s");
        var loopback = LoopbackLimit.Measure(duration);
        report.Add("loopback, one sender to one receiving core", loopback, "MB/s");
        report.Add("memory copy, one core", MemoryLimit.MeasureCopy(duration), "MB/s");
        report.Add("CRC-32C, one core", MemoryLimit.MeasureChecksum(duration), "MB/s");
        return new MachineLimits(largest.MegabytesPerSecond, newData, loopback);
    }
}
