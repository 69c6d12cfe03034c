using Loire.Protocol;
using Loire.Simulation.Clients;
using Loire.Simulation.World;

namespace Loire.Simulation;

/// <summary>What a run came to.</summary>
/// <param name="Violation">The invariant that was broken; null where all held.</param>
/// <param name="Story">The last events before the end, oldest first.</param>
/// <param name="FullDisks">What came of disks that were full.</param>
/// <param name="Hash">Of all events: two runs of a seed have the same.</param>
public sealed record SimulationResult(
    int Seed,
    string? Violation,
    IReadOnlyCollection<string> Story,
    ulong Hash,
    long EventCount,
    long AcknowledgedCount,
    FullDisks FullDisks)
{
    public override string ToString() => Violation is null
        ? $"seed {Seed}: {EventCount} events, {AcknowledgedCount} batches acknowledged"
        : $"{string.Join('\n', Story)}\nseed {Seed} after {EventCount} events: {Violation}";
}

/// <summary>A replicated cluster in one thread on virtual time: the real partition, fetcher and controller code over a
/// network, disks and processes that fail, all by seed. After the trouble everything is mended, and then everything that
/// was sent must be acknowledged and all replicas in sync.</summary>
public static class ClusterSimulation
{
    private const long TroubleMs = 15_000;
    private const long QuietMs = 15_000;

    /// <param name="storyLines">How much of the story to keep.</param>
    public static SimulationResult Run(int seed, int storyLines = 300)
    {
        var cluster = new SimCluster(seed, storyLines);
        string? violation = null;
        var outside = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new LoopContext(cluster.Loop));
        try
        {
            Run(cluster);
        }
        catch (InvariantViolation broken)
        {
            violation = broken.Message;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }

        return new SimulationResult(
            seed,
            violation,
            cluster.Story.Lines,
            cluster.Story.Hash,
            cluster.Loop.EventCount,
            cluster.Checker.AcknowledgedCount,
            cluster.Checker.FullDisks);
    }

    private static void Run(SimCluster cluster)
    {
        var producers = new List<SimProducer>();
        var consumers = new List<SimConsumer>();
        var number = 0;
        var committers = new List<SimCommitter>();
        foreach (var partition in cluster.Partitions.Where(partition => partition != cluster.OffsetsPartition))
        {
            if (!cluster.IsUnclean) producers.Add(new SimProducer(cluster, number++, partition, isIdempotent: true));
            if (cluster.IsUnclean || cluster.Random.Next(2) == 0)
            {
                producers.Add(new SimProducer(cluster, number++, partition, isIdempotent: false));
            }

            // What they may rely on does not hold where records may be lost.
            if (cluster.IsUnclean) continue;
            consumers.Add(new SimConsumer(cluster, number++, partition));
            committers.Add(new SimCommitter(cluster, number++, consumers[^1], partition));
        }

        var nemesis = new Nemesis(cluster);
        RunUntil(cluster, cluster.Loop.NowMs + TroubleMs, static () => false);
        nemesis.Stop();
        if (cluster.Random.Next(4) == 0) RunBesideFullDisk(cluster, producers, cluster.Random.Next(cluster.BrokerCount));
        RunUntil(cluster, cluster.Loop.NowMs + (QuietMs / 5), static () => false);
        foreach (var producer in producers) producer.IsStopped = true;

        RunUntil(cluster, cluster.Loop.NowMs + QuietMs, () => IsDone(cluster, producers, consumers, committers));
        if (producers.Find(producer => producer.UnacknowledgedCount > 0) is { } left)
        {
            throw new InvariantViolation($"a producer still waits for {left.UnacknowledgedCount} batches in the end");
        }

        if (committers.Exists(committer => !committer.IsDone)) throw new InvariantViolation("a group's offset is not committed in the end");
        cluster.Checker.CheckEnd();
        for (var i = 0; i < consumers.Count; i++)
        {
            if (consumers[i].Position < cluster.Checker.CommittedEnd(cluster.Partitions[i]))
            {
                throw new InvariantViolation($"the consumer of p{i} is left at {consumers[i].Position} in the end");
            }
        }
    }

    /// <summary>All is well but for one full disk. Then the others lead where they can, and take what is produced where they are
    /// enough.</summary>
    private static void RunBesideFullDisk(SimCluster cluster, List<SimProducer> producers, int full)
    {
        var disk = cluster.DiskOf(full);
        disk.Room.Fill();
        cluster.Story.Tell("nemesis", $"fills the disk of {full} and leaves all else alone");
        var written = producers.ToDictionary(producer => producer, producer => producer.BatchCount);
        RunUntil(cluster, cluster.Loop.NowMs + QuietMs, () => cluster.Partitions.All(IsTaken));
        foreach (var left in cluster.Partitions.Where(partition => !IsTaken(partition)))
        {
            var state = SimBroker.Describe(cluster.Store.State.Find(left)!);
            throw new InvariantViolation($"p{left} is not led, or takes nothing, beside the full disk of {full}: {state}");
        }

        cluster.Story.Tell("nemesis", $"frees space on the disk of {full}");
        disk.Room.Free();

        bool IsTaken(PartitionIndex partition)
        {
            var state = cluster.Store.State.Find(partition)!;
            var others = state.Replicas.Count(node => node.Value != full);
            var batches = written.Where(known => known.Key.Partition == partition);

            // A disk to which nothing is written is not found to be full.
            var isFound = disk.Failure is not null;
            if (!isFound && others < state.Replicas.Length && batches.Any()) return false;
            if (isFound && others > 0 && state.Leader.Value == full) return false;
            return others < Math.Min(cluster.TopicConfig.MinInSyncReplicas, state.Replicas.Length)
                || batches.All(known => known.Key.AcknowledgedTo > known.Value);
        }
    }

    private static bool IsDone(
        SimCluster cluster, List<SimProducer> producers, List<SimConsumer> consumers, List<SimCommitter> committers)
    {
        if (producers.Exists(producer => producer.UnacknowledgedCount > 0)) return false;
        if (committers.Exists(committer => !committer.IsDone)) return false;
        for (var i = 0; i < consumers.Count; i++)
        {
            if (consumers[i].Position < cluster.Checker.CommittedEnd(cluster.Partitions[i])) return false;
        }

        return cluster.Membership.Statuses().Draining.IsEmpty
            && cluster.Store.State.Partitions.All(partition => partition.InSync.Length == partition.Replicas.Length)
            && cluster.Partitions.All(cluster.Checker.IsSettled);
    }

    private static void RunUntil(SimCluster cluster, long endMs, Func<bool> isDone)
    {
        while (cluster.Loop.NowMs < endMs && !isDone() && cluster.Loop.Step()) cluster.Checker.CheckAll();
    }
}
