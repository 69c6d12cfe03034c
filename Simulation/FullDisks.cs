namespace Loire.Simulation;

/// <summary>What came of the disks that were full during a run. Where nothing did, its invariants say nothing of them.</summary>
public sealed class FullDisks
{
    /// <summary>Batches of producers that waited until it was known whether there is room.</summary>
    public int WaitedCount { get; internal set; }

    /// <summary>Batches of producers that were refused for want of room.</summary>
    public int RefusedCount { get; internal set; }

    /// <summary>Leaderships that went to another broker because the disk of the one that led was full.</summary>
    public int HandedOverCount { get; internal set; }

    /// <summary>Leaderships that went to a broker that had handed over some in the same run.</summary>
    public int LedAgainCount { get; internal set; }

    /// <summary>Answers with records of brokers that took no batches.</summary>
    public int ReadCount { get; internal set; }

    /// <summary>Log starts that were moved up on brokers that took no batches.</summary>
    public int DeletedCount { get; internal set; }

    /// <summary>Crashes of brokers whose disk was full.</summary>
    public int CrashedCount { get; internal set; }
}
