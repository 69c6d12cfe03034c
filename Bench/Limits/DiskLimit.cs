using System.Diagnostics;
using Loire.Bench.Statistics;

namespace Loire.Bench.Limits;

/// <summary>What the volume under the data directory takes in durable writes, one at a time.</summary>
public static class DiskLimit
{
    private const long FileBytes = 256L << 20;

    /// <summary>Writes as fast as each write lets the next begin.</summary>
    public static DiskFigures Measure(string directory, int writeBytes, TimeSpan duration) =>
        Measure(directory, writeBytes, duration, TimeSpan.Zero);

    /// <summary>Writes once every <paramref name="interval"/>; the latency counts from the moment a write was due, so
    /// that a stalled disk is charged for everything it held up.</summary>
    public static DiskFigures Measure(string directory, int writeBytes, TimeSpan duration, TimeSpan interval)
    {
        using var file = new DirectFile(Path.Combine(directory, "raw-writes"), FileBytes);
        using var buffer = new AlignedBuffer(writeBytes);
        var histogram = new LatencyHistogram();
        var start = Stopwatch.GetTimestamp();
        var position = 0L;
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            var due = interval == TimeSpan.Zero
                ? Stopwatch.GetTimestamp()
                : Pacer.WaitUntil(start, interval * histogram.Count);
            file.Write(buffer.Span, position);
            histogram.Record(Stopwatch.GetElapsedTime(due));
            position = (position + writeBytes) % (FileBytes - writeBytes);
            position -= position % 4096;
        }

        var elapsed = Stopwatch.GetElapsedTime(start);
        return new DiskFigures(
            histogram.Count * (double)writeBytes / 1e6 / elapsed.TotalSeconds, histogram.Summarise(), file.IsDirect);
    }
}

/// <param name="IsDirect">False where the file system knows no direct I/O.</param>
public sealed record DiskFigures(double MegabytesPerSecond, LatencySummary Latency, bool IsDirect);
