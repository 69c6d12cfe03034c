using System.Diagnostics;
using System.Net.Sockets;
using Loire.Bench.Load;
using Loire.Bench.Processes;
using Loire.Bench.Report;
using Loire.Protocol;

namespace Loire.Bench.Measurements;

/// <summary>From kill -9 of a leader's silo to the next write that a producer of its partition gets acknowledged. Every
/// round kills the silo that leads most, waits for the write, starts the silo again and waits until all replicas are in
/// sync.</summary>
public static class FailoverTime
{
    private const string Topic = "failover";
    private const int Partitions = 1_000;
    private const int RequestTimeoutMs = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly Aim Median = Aim.AtMost(3);
    private static readonly Aim Worst = Aim.AtMost(5);

    public static Task RunAsync(BenchRun run)
    {
        run.Report.Begin($"failover: three silos, three replicas, min.insync.replicas 2, acks=all, {Partitions} partitions");
        if (SiloCluster.WhyNot is { } reason)
        {
            run.Report.Note("not measured: " + reason);
            return Task.CompletedTask;
        }

        var rounds = run.Options.Quick ? 3 : 20;
        using var cluster = SiloCluster.Start(run.Options.DataDirectory);
        cluster.CreateTopic(Topic, Partitions);
        var seconds = new List<double>();
        for (var round = 0; round < rounds; round++) seconds.Add(Measure(cluster).TotalSeconds);

        seconds.Sort();
        var what = $"kill -9 of a leader to the next write, {rounds} rounds";
        run.Report.Add($"{what}: median", seconds[rounds / 2], "s", Median);
        run.Report.Add($"{what}: worst", seconds[^1], "s", Worst);
        return Task.CompletedTask;
    }

    private static TimeSpan Measure(SiloCluster cluster)
    {
        int victim, partition;
        using (var connection = cluster.Silo(1).Connect())
        {
            var led = SiloCluster.Partitions(connection, Topic).GroupBy(known => known.LeaderId).MaxBy(group => group.Count())!;
            (victim, partition) = (led.Key.Value, led.First().PartitionIndex.Value);
        }

        var witness = 1 + (victim % SiloCluster.Size);
        var start = Stopwatch.GetTimestamp();
        cluster.Silo(victim).Kill();
        while (!TryProduce(cluster, witness, victim, partition))
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
                throw new InvalidOperationException($"nobody took over partition {partition} within {Patience}");
            Thread.Sleep(1);
        }

        var took = Stopwatch.GetElapsedTime(start);
        cluster.Silo(victim).Start();
        cluster.Silo(victim).WaitUntilReady();
        foreach (var node in Enumerable.Range(1, SiloCluster.Size)) SiloCluster.WaitUntilInSync(cluster.Silo(node), Topic, Partitions);
        return took;
    }

    /// <summary>Asks who leads now, as a client does whose leader is gone, and produces one record there.</summary>
    private static bool TryProduce(SiloCluster cluster, int witness, int victim, int partition)
    {
        try
        {
            int leader;
            using (var connection = cluster.Silo(witness).Connect())
            {
                leader = SiloCluster.Partitions(connection, Topic)
                    .Single(known => known.PartitionIndex.Value == partition).LeaderId.Value;
            }

            if (leader == victim || leader == NodeId.None.Value) return false;
            using var producing = cluster.Silo(leader).Connect();
            return ProduceFrames.TryProduceOne(producing, Topic, partition, RequestTimeoutMs);
        }
        catch (Exception refused) when (refused is SocketException or IOException)
        {
            return false;
        }
    }
}
