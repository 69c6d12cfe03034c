using System.Diagnostics;
using Loire.Bench.Report;
using Loire.Embedded;

namespace Loire.Bench.Measurements;

/// <summary>From process start to the first answered request, and from the call that starts a broker inside a process to its
/// return; on a new data directory each time.</summary>
public static class StartTime
{
    private static readonly Aim Ready = Aim.AtMost(1_000);
    private static readonly Aim EmbeddedReady = Aim.AtMost(200);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("start");
        var starts = new List<double>();
        for (var i = 0; i < (run.Options.Quick ? 3 : 9); i++)
        {
            using var broker = run.StartBroker();
            starts.Add(broker.ReadyAfter.TotalMilliseconds);
        }

        starts.Sort();
        run.Report.Add("ready after process start, median", starts[starts.Count / 2], "ms", Ready);
        run.Report.Add("ready after process start, slowest", starts[^1], "ms");
        await MeasureEmbeddedAsync(run);
    }

    /// <summary>The first broker of a process also loads and compiles its code: that one is apart.</summary>
    private static async Task MeasureEmbeddedAsync(BenchRun run)
    {
        var first = await StartEmbeddedAsync(run);
        var starts = new List<double>();
        for (var i = 0; i < (run.Options.Quick ? 3 : 21); i++)
        {
            starts.Add(await StartEmbeddedAsync(run));
        }

        starts.Sort();
        run.Report.Add("embedded broker started, first of a process", first, "ms", EmbeddedReady);
        run.Report.Add("embedded broker started, median of further ones", starts[starts.Count / 2], "ms", EmbeddedReady);
    }

    private static async Task<double> StartEmbeddedAsync(BenchRun run)
    {
        var directory = Path.Combine(run.Options.DataDirectory, $"loire-bench-{Path.GetRandomFileName()}");
        try
        {
            var start = Stopwatch.GetTimestamp();
            await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { DataDirectory = directory });
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
