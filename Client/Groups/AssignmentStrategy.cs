using Loire.Protocol.Groups;

namespace Loire.Client;

/// <summary>How the leader of a group spreads partitions over its members.</summary>
public enum AssignmentStrategy
{
    /// <summary>Topic by topic, neighbouring partitions to one member: the same partitions of several topics meet.</summary>
    Range,

    /// <summary>Partition by partition, in turn over all topics.</summary>
    RoundRobin,

    /// <summary>Even shares, moved as little as possible. A member that has this strategy alone goes on reading through a
    /// rebalance and hands back only what moves. Beside other strategies it hands back everything, as they need it: so a
    /// group is led over to this one by restarting its members first with both, then with this one alone (KIP-429).</summary>
    CooperativeSticky,
}

internal static class AssignmentStrategies
{
    public static PartitionAssignor ToAssignor(this AssignmentStrategy strategy) => strategy switch
    {
        AssignmentStrategy.Range => PartitionAssignor.Range,
        AssignmentStrategy.RoundRobin => PartitionAssignor.RoundRobin,
        AssignmentStrategy.CooperativeSticky => PartitionAssignor.CooperativeSticky,
        _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "There is no such strategy."),
    };
}
