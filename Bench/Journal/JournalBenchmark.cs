using System.Buffers;
using System.Diagnostics;
using Loire.Log;
using Loire.Protocol;

namespace Loire.Bench.Journal;

/// <summary>What the journal makes of a disk, beside what the disk gives raw in the same run. Arguments: a directory on
/// the disk to measure, and the names of the parts to run (default: all but recovery).</summary>
internal static class JournalBenchmark
{
    private const int Writers = 64;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(string[] arguments)
    {
        string root = arguments.Length > 0 ? arguments[0] : Path.GetTempPath();
        var parts = arguments.Length > 1 ? arguments[1..] : ["raw", "latency", "append", "tail", "partitions"];
        foreach (string part in parts)
        {
            string directory = Directory.CreateDirectory(Path.Combine(root, $"loire-journal-{part}")).FullName;
            try
            {
                await RunPartAsync(part, directory);
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        return 0;
    }

    private static Task RunPartAsync(string part, string directory) => part switch
    {
        "raw" => Task.Run(() => RawDisk.Measure(directory)),
        "latency" => MeasureLatencyAsync(directory),
        "append" => MeasureAppendsAsync(directory),
        "tail" => MeasureTailReadsAsync(directory),
        "partitions" => MeasurePartitionsAsync(directory),
        "recovery" => MeasureRecoveryAsync(directory),
        _ => throw new ArgumentException($"'{part}' is none of raw, latency, append, tail, partitions, recovery."),
    };

    private static async Task MeasureLatencyAsync(string directory)
    {
        await using var store = Open(directory);
        foreach (int size in new[] { 1 << 10, 16 << 10, 256 << 10 })
        {
            var partition = new BenchPartition(store, size, size);
            var times = new List<double>();
            for (var watch = Stopwatch.StartNew(); watch.Elapsed < Duration;)
            {
                long start = Stopwatch.GetTimestamp();
                await partition.AppendAsync();
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            times.Sort();
            Console.WriteLine(
                $"one durable append of {size >> 10,4} KB: p50 {times[times.Count / 2]:0.000} ms  " +
                $"p99 {times[times.Count * 99 / 100]:0.000} ms  max {times[^1]:0.0} ms");
        }
    }

    private static async Task MeasureAppendsAsync(string directory)
    {
        foreach (int size in new[] { 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20 })
        {
            foreach (int partitions in new[] { 1, 100, 1000 })
            {
                string place = Directory.CreateDirectory(Path.Combine(directory, $"{size}-{partitions}")).FullName;
                await using (var store = Open(place))
                {
                    var (bytes, elapsed, cpu) = await AppendAsync(store, partitions, size, Duration);
                    Console.WriteLine(
                        $"{Writers} writers of {size >> 10,4} KB over {partitions,4} partitions: " +
                        $"{bytes / elapsed.TotalSeconds / 1e6,6:0} MB/s  {bytes / size / elapsed.TotalSeconds,7:0} appends/s  " +
                        $"{cpu / elapsed:0.00} cores");
                }
                Directory.Delete(place, recursive: true);
            }
        }
    }

    private static async Task MeasureTailReadsAsync(string directory)
    {
        await using var store = Open(directory);
        var partition = new BenchPartition(store, 0, 16 << 10);
        for (int i = 0; i < 2000; i++)
            await partition.AppendAsync();
        foreach (var (name, batches) in new[] { ("memory", 1500), ("page cache or disk", 0) })
        {
            var output = new ArrayBufferWriter<byte>(4 << 20);
            long bytes = 0;
            var watch = Stopwatch.StartNew();
            while (watch.Elapsed < Duration)
            {
                var from = new Offset(batches);
                while (partition.Log.Read(from, new Offset(batches + 500), 1 << 20, true) is { Records: { } records } read)
                {
                    output.ResetWrittenCount();
                    records.CopyTo(output);
                    records.Release();
                    bytes += read.SizeBytes;
                    from = read.NextOffset;
                }
            }
            Console.WriteLine($"reads of 1 MB from {name}: {bytes / watch.Elapsed.TotalSeconds / 1e9:0.00} GB/s");
        }
    }

    private static async Task MeasurePartitionsAsync(string directory)
    {
        const int count = 10_000;
        var watch = Stopwatch.StartNew();
        await using (var store = Open(directory))
        {
            Console.WriteLine($"empty store: open {watch.ElapsedMilliseconds} ms, {Environment.WorkingSet >> 20} MB resident");
            watch.Restart();
            var partitions = Enumerable.Range(0, count).Select(i => new BenchPartition(store, i, 1 << 10)).ToArray();
            Console.WriteLine($"{count} partitions: created in {watch.ElapsedMilliseconds} ms");
            for (int i = 0; i < 10; i++)
                await Task.WhenAll(partitions.Select(partition => partition.AppendAsync()));
            Console.WriteLine($"{count} partitions, 10 batches each: {Environment.WorkingSet >> 20} MB resident");
            watch.Restart();
        }
        Console.WriteLine($"{count} partitions: closed in {watch.ElapsedMilliseconds} ms");
        watch.Restart();
        await using var again = Open(directory);
        for (int i = 0; i < count; i++)
            _ = new BenchPartition(again, i, 1 << 10);
        Console.WriteLine(
            $"{count} partitions: opened again in {watch.ElapsedMilliseconds} ms, {Environment.WorkingSet >> 20} MB resident");
    }

    /// <summary>Fills 4 GB, leaves as a killed process does, opens what it left.</summary>
    private static async Task MeasureRecoveryAsync(string directory)
    {
        const long target = 4L << 30;
        var store = Open(directory);
        long bytes = 0;
        while (bytes < target)
            bytes += (await AppendAsync(store, 100, 64 << 10, TimeSpan.FromSeconds(1))).Bytes;
        string left = Path.Combine(directory, "left", "journal");
        Directory.CreateDirectory(left);
        // In this order nothing is younger than what it derives from.
        foreach (string file in new[] { "format", "checkpoint", "*.index", "*.journal" }
            .SelectMany(pattern => Directory.EnumerateFiles(Path.Combine(directory, "journal"), pattern)))
            File.Copy(file, Path.Combine(left, Path.GetFileName(file)));
        await store.DisposeAsync();

        var watch = Stopwatch.StartNew();
        await using var again = Open(Path.Combine(directory, "left"));
        for (int i = 0; i < 100; i++)
            _ = new BenchPartition(again, i, 64 << 10);
        Console.WriteLine($"{bytes >> 20} MB in the log, not closed: ready in {watch.ElapsedMilliseconds} ms");
    }

    private static async Task<(long Bytes, TimeSpan Elapsed, TimeSpan Cpu)> AppendAsync(
        LogStore store, int partitions, int size, TimeSpan duration)
    {
        var logs = Enumerable.Range(0, partitions).Select(i => new BenchPartition(store, i, size)).ToArray();
        long bytes = 0;
        var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            for (int i = writer; watch.Elapsed < duration; i += Writers)
            {
                await logs[i % partitions].AppendAsync();
                Interlocked.Add(ref bytes, size);
            }
        })));
        var elapsed = watch.Elapsed;
        process.Refresh();
        return (bytes, elapsed, process.TotalProcessorTime - cpu);
    }

    private static LogStore Open(string directory) =>
        LogStore.Open(new LogStoreOptions { DataDirectory = directory, MaxBatchBytes = 2 << 20 });
}
