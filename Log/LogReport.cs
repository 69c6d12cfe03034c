using Loire.Protocol;

namespace Loire.Log;

/// <summary>What a walk through a whole journal found.</summary>
/// <param name="TornTail">Writes that were under way when the process stopped; the next start cuts them off and nothing
/// acknowledged is lost.</param>
/// <param name="Losses">What the damage cost, by partition and offset.</param>
public sealed record LogReport(
    string Directory,
    int Segments,
    int Partitions,
    long Entries,
    long Batches,
    long BatchBytes,
    IReadOnlyList<LogDamage> Damages,
    LogDamage? TornTail,
    IReadOnlyList<LogLoss> Losses)
{
    public bool IsIntact => Damages.Count == 0;
}

/// <param name="Address">In the journal; -1 where the file is not part of it.</param>
/// <param name="FileOffset">Of the address in the file.</param>
public sealed record LogDamage(string File, long Address, long FileOffset, long SizeBytes, string What);

/// <summary>Records that are gone: the offsets from <paramref name="From"/> up to <paramref name="Until"/>,
/// exclusive.</summary>
public sealed record LogLoss(TopicIdPartition Partition, Offset From, Offset Until);
