using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>How soon an idle consumer, whose fetch waits in the broker, gets a record.</summary>
public static class WakeUpLatency
{
    private static readonly Aim FromHighWatermark = Aim.AtMost(2);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("waking an idle consumer: one record of 1 KB");
        using var broker = run.StartBroker();
        using (var connection = broker.Connect())
        {
            connection.CreateTopic("wakeup", partitions: 1);
        }

        var result = await LoadProcess.StartAsync(new WakeUpSpec(broker.Port, "wakeup", Rounds: run.Options.Quick ? 200 : 1_000));
        run.Report.Add("producer's acknowledgement to consumer's answer, p50", result.FromAcknowledgement.P50Ms, "ms");
        run.Report.Add("producer's acknowledgement to consumer's answer, p99", result.FromAcknowledgement.P99Ms, "ms", FromHighWatermark);
        run.Report.Add("sent to consumed, p50", result.FromSend.P50Ms, "ms");
        run.Report.Add("sent to consumed, p99", result.FromSend.P99Ms, "ms");
    }
}
