using System.Collections.Concurrent;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>Logs that are damaged or cannot be opened, and that are to be fetched again. One is dropped no sooner than its
/// topic's controller knows: under a later leader epoch, when this broker does not count as in sync. Its leader has
/// forgotten then how far the replica had come, and cannot have heard of it anew.</summary>
internal sealed class LostLogs(NodeId self)
{
    private readonly ConcurrentDictionary<TopicIdPartition, LeaderEpoch> _lostIn = new();

    public IReadOnlyCollection<TopicIdPartition> Partitions => [.. _lostIn.Keys];

    /// <param name="epoch">In which the damage was found; <see cref="LeaderEpoch.None"/> where the replica had no role
    /// yet in this run.</param>
    public void Add(TopicIdPartition partition, LeaderEpoch epoch) => _lostIn[partition] = epoch;

    public void Remove(TopicIdPartition partition) => _lostIn.TryRemove(partition, out _);

    /// <summary>Whether the log is to be dropped now, or, where nobody has all that was committed, kept for what it
    /// has.</summary>
    public Fate FateOf(TopicIdPartition partition, PartitionState state) =>
        !_lostIn.TryGetValue(partition, out var epoch) || state.LeaderEpoch <= epoch || state.InSync.Contains(self) ? Fate.Used
        : state.InSync.IsEmpty ? Fate.Kept
        : Fate.Dropped;
}

/// <summary>What becomes of a log.</summary>
internal enum Fate
{
    Used,

    /// <summary>There is no other copy to count on. Unless an operator elects this one it has no role: a follower would be taken
    /// for complete once it has its leader's end.</summary>
    Kept,

    /// <summary>It is fetched again from its leader.</summary>
    Dropped,
}
