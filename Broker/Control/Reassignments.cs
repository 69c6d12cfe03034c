using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>Moves partitions between brokers (KIP-455): first the new replicas are added, and when all of the target are
/// in sync the others are dropped, in one step.</summary>
internal static class Reassignments
{
    /// <summary>The replicas as they were before the reassignment that is under way.</summary>
    public static ImmutableArray<NodeId> Original(PartitionState partition) =>
        [.. partition.Replicas.Where(node => !partition.Adding.Contains(node))];

    /// <returns>Null where the target cannot be reached.</returns>
    public static PartitionState? Start(PartitionState partition, ImmutableArray<NodeId> target, BrokerStatuses brokers)
    {
        var original = Original(partition);
        ImmutableArray<NodeId> adding = [.. target.Where(node => !original.Contains(node))];
        ImmutableArray<NodeId> removing = [.. original.Where(node => !target.Contains(node))];
        ImmutableArray<NodeId> replicas = [.. target, .. removing];
        ImmutableArray<NodeId> inSync = [.. partition.InSync.Where(replicas.Contains)];
        if (target.IsEmpty || target.Distinct().Count() != target.Length) return null;
        ImmutableArray<NodeId> newcomers = [.. adding.Where(node => !partition.Replicas.Contains(node))];
        if (inSync.IsEmpty || !newcomers.All(brokers.IsLive)) return null;

        // Who comes back after it left has an empty log: the new epoch makes the leader forget how far it had come, even one
        // that never heard that it had left.
        var epoch = newcomers.IsEmpty ? partition.LeaderEpoch : new LeaderEpoch(partition.LeaderEpoch.Value + 1);
        return Elections.Settle(
            partition with { Replicas = replicas, Adding = adding, Removing = removing, InSync = inSync, LeaderEpoch = epoch },
            brokers,
            allowsUnclean: false);
    }

    /// <summary>Drops the replicas that leave, once all of the target are in sync.</summary>
    public static PartitionState Complete(PartitionState partition, BrokerStatuses brokers)
    {
        ImmutableArray<NodeId> target = [.. partition.Replicas.Where(node => !partition.Removing.Contains(node))];
        if (!partition.IsReassigning || !target.All(partition.InSync.Contains)) return partition;
        return Elections.Settle(
            partition with { Replicas = target, Adding = [], Removing = [], InSync = target },
            brokers,
            allowsUnclean: false);
    }
}
