using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>From process start to the first answered request, on a new data directory each time.</summary>
public static class StartTime
{
    private static readonly Aim Ready = Aim.AtMost(1_000);

    public static Task RunAsync(BenchRun run)
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
        return Task.CompletedTask;
    }
}
