using System.Globalization;
using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;
using Loire.Protocol.Messages;

namespace Loire.Bench.Measurements;

/// <summary>Resident memory of the broker: idle, with many connections, and with many partitions that all hold
/// records.</summary>
public static class ResidentMemory
{
    private const int Topics = 10;
    private const int PartitionsPerTopic = 1_000;
    private const int Connections = 1_000;
    private static readonly Aim Idle = Aim.AtMost(150);
    private static readonly Aim ManyPartitions = Aim.AtMost(1_000);

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("memory");
        AddConnections(run);
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

    /// <summary>Each has had one answer, as a client's connection that waits for work.</summary>
    private static void AddConnections(BenchRun run)
    {
        using var broker = run.StartBroker();
        var idle = broker.ReadMemory().Resident;
        var connections = new List<BrokerConnection>();
        try
        {
            for (var i = 0; i < Connections; i++)
            {
                var connection = broker.Connect();
                connections.Add(connection);
                connection.Call<ApiVersionsRequest, ApiVersionsResponse>(new ApiVersionsRequest(), version: 0);
            }

            run.Report.Add(
                "resident for each of 1,000 idle connections", (broker.ReadMemory().Resident - idle) * 1_000 / Connections, "KB");
        }
        finally
        {
            connections.ForEach(connection => connection.Dispose());
        }
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
