using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>Time to the first answer when the broker was killed with a full log, and whether everything that was
/// acknowledged is there.</summary>
public static class RecoveryTime
{
    private const string Topic = "recovery";
    private const int Partitions = 100;
    private static readonly Aim Ready = Aim.AtMost(2_000);

    public static async Task RunAsync(BenchRun run)
    {
        var bytes = run.Options.Quick ? 512L << 20 : 4L << 30;
        run.Report.Begin("recovery");
        using var broker = run.StartBroker();
        using (var connection = broker.Connect())
        {
            connection.CreateTopic(Topic, Partitions);
        }

        var produced = await LoadProcess.StartAsync(new ProduceSpec
        {
            Port = broker.Port,
            BrokerProcessId = broker.ProcessId,
            Topic = Topic,
            Partitions = Partitions,
            Seconds = 600,
            MaxBytes = bytes,
        });
        broker.KillAndRestart();
        using var after = broker.Connect();
        var found = after.EndOffsets(Topic, Partitions).Sum(end => end.Value);
        run.Report.Add("log when killed", produced.AllRecords * (double)ProduceSpec.ValueBytes / 1e9, "GB");
        run.Report.Add("ready after kill -9", broker.ReadyAfter.TotalMilliseconds, "ms", Ready);
        run.Report.Add("acknowledged records that are missing", produced.AllRecords - found, "records", Aim.AtMost(0));
        run.Report.Add("resident after recovery", broker.ReadMemory().Resident, "MB");
    }
}
