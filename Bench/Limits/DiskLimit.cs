using System.Diagnostics;
using Loire.Bench.Statistics;

namespace Loire.Bench.Limits;

/// <summary>What the volume under the data directory takes in durable writes, one at a time.</summary>
public static class DiskLimit
{
    private const long FileBytes = 256L << 20;
    private const int DataBytes = 64 << 20;

    /// <summary>Writes as fast as each write lets the next begin, into space that was written before.</summary>
    public static DiskFigures Measure(string directory, int writeBytes, TimeSpan duration) =>
        Measure(directory, writeBytes, duration, TimeSpan.Zero);

    /// <summary>As fast as each write lets the next begin, as a log that grows writes: bytes that come from memory, not again
    /// and again from one buffer in the processor's cache, into space that was claimed and never written. MB/s.</summary>
    public static double MeasureNewData(string directory, int writeBytes, TimeSpan duration)
    {
        using var memory = new AlignedBuffer(DataBytes);
        var elapsed = TimeSpan.Zero;
        var written = 0L;
        while (elapsed < duration)
        {
            using var file = new DirectFile(Path.Combine(directory, "raw-writes"), FileBytes, isNewSpace: true);
            var start = Stopwatch.GetTimestamp();
            for (var position = 0L; position < FileBytes; position += writeBytes)
            {
                file.Write(memory.Span.Slice((int)(position % DataBytes), writeBytes), position);
            }

            elapsed += Stopwatch.GetElapsedTime(start);
            written += FileBytes;
        }

        return written / 1e6 / elapsed.TotalSeconds;
    }

    /// <summary>Writes once every <paramref name="interval"/> into space that was written before; the latency counts from the
    /// moment a write was due, so that a stalled disk is charged for everything it held up.</summary>
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
