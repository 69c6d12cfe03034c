using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>Who leads a partition.</summary>
internal static class Elections
{
    /// <summary>Elects where there is no fit leader: the first replica that is in sync and up. One that drains leads only
    /// while nobody else can. Who is down leaves the in-sync set, except that the last ones stay: only they have all that
    /// was committed.</summary>
    /// <returns>The same object where nothing changes.</returns>
    public static PartitionState Settle(PartitionState partition, BrokerStatuses brokers, bool allowsUnclean)
    {
        var inSync = partition.InSync;
        var leader = Elect(partition, brokers);
        if (leader == NodeId.None && allowsUnclean)
        {
            leader = partition.Replicas.FirstOrDefault(brokers.IsLive, NodeId.None);
            if (leader != NodeId.None) inSync = [leader];
        }

        ImmutableArray<NodeId> live = [.. inSync.Where(brokers.IsLive)];
        if (!live.IsEmpty) inSync = live;
        if (leader == partition.Leader && inSync.SequenceEqual(partition.InSync)) return partition;
        return partition with
        {
            Leader = leader,
            InSync = inSync,
            LeaderEpoch = leader == partition.Leader
                ? partition.LeaderEpoch
                : new LeaderEpoch(partition.LeaderEpoch.Value + 1),
        };
    }

    private static NodeId Elect(PartitionState partition, BrokerStatuses brokers)
    {
        var leader = partition.Leader;
        if (IsCandidate(leader) && brokers.CanLead(leader)) return leader;
        var elected = partition.Replicas.FirstOrDefault(node => IsCandidate(node) && brokers.CanLead(node), NodeId.None);
        if (elected != NodeId.None) return elected;
        return IsCandidate(leader) ? leader : partition.Replicas.FirstOrDefault(IsCandidate, NodeId.None);

        bool IsCandidate(NodeId node) =>
            partition.Replicas.Contains(node) && partition.InSync.Contains(node) && brokers.IsLive(node);
    }
}
