using System.Globalization;
using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;

namespace Loire.Bench.Measurements;

/// <summary>Resident memory of the broker: idle, and with many partitions that all hold records.</summary>
public static class ResidentMemory
{
    private const int Topics = 10;
    private const int PartitionsPerTopic = 1_000;
    private static readonly Aim Idle = Aim.AtMost(150);
    private static readonly Aim ManyPartitions = Aim.AtMost(1_000);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("memory");
        using var broker = run.StartBroker();
        run.Report.Add("resident, idle after start", broker.ReadMemory().Resident, "MB", Idle);
        for (var i = 0; i < Topics; i++)
        {
            await FillTopicAsync(broker, "many-" + i.ToString(CultureInfo.InvariantCulture));
        }

        Add(run, "10,000 partitions with a batch each", broker.ReadMemory());
        broker.KillAndRestart();
        run.Report.Add("10,000 partitions: ready after a kill", broker.ReadyAfter.TotalMilliseconds, "ms");
        Add(run, "10,000 partitions after a restart", broker.ReadMemory());
    }

    private static async Task FillTopicAsync(BrokerProcess broker, string topic)
    {
        using (var connection = broker.Connect())
        {
            connection.CreateTopic(topic, PartitionsPerTopic);
        }

        var spec = new ProduceSpec
        {
            Port = broker.Port,
            BrokerProcessId = broker.ProcessId,
            Topic = topic,
            Partitions = PartitionsPerTopic,
            RecordsPerBatch = 1,
            WarmUpSeconds = 0,
            Seconds = 60,
            MaxBytes = PartitionsPerTopic * ProduceSpec.ValueBytes,
        };
        await LoadProcess.StartAsync(spec);
    }

    private static void Add(BenchRun run, string name, (double Resident, double Anonymous) memory)
    {
        run.Report.Add($"{name}: resident", memory.Resident, "MB", ManyPartitions);
        run.Report.Add($"{name}: of it not backed by files", memory.Anonymous, "MB");
    }
}
