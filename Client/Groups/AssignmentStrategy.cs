using Loire.Protocol.Groups;

namespace Loire.Client;

/// <summary>How the leader of a group spreads partitions over its members.</summary>
public enum AssignmentStrategy
{
    /// <summary>Topic by topic, neighbouring partitions to one member: the same partitions of several topics meet.</summary>
    Range,

    /// <summary>Partition by partition, in turn over all topics.</summary>
    RoundRobin,
}

internal static class AssignmentStrategies
{
    public static PartitionAssignor ToAssignor(this AssignmentStrategy strategy) => strategy switch
    {
        AssignmentStrategy.Range => PartitionAssignor.Range,
        AssignmentStrategy.RoundRobin => PartitionAssignor.RoundRobin,
        _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "There is no such strategy."),
    };
}
