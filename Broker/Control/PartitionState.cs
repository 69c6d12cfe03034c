using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>What the controller of a topic decided of one partition. Immutable, and persisted before anybody is
/// told.</summary>
public sealed record PartitionState
{
    /// <summary>The preferred leader first; during a reassignment the target's replicas, then those that will
    /// leave.</summary>
    public required ImmutableArray<NodeId> Replicas { get; init; }

    /// <summary>Those that have everything that was ever committed. Empty only after the last of them lost its log: then
    /// nobody leads until an unclean election gives up what was lost.</summary>
    public required ImmutableArray<NodeId> InSync { get; init; }

    /// <summary>None while no in-sync replica is up: the partition is offline.</summary>
    public required NodeId Leader { get; init; }

    /// <summary>Rises whenever a leadership ends, even where the same broker leads again.</summary>
    public required LeaderEpoch LeaderEpoch { get; init; }

    /// <summary>Rises with every change: the version that in-sync changes are compared with (KIP-497).</summary>
    public int PartitionEpoch { get; init; }

    /// <summary>Replicas that a reassignment brings in (KIP-455).</summary>
    public ImmutableArray<NodeId> Adding { get; init; } = [];

    /// <summary>Replicas that leave when all of the target are in sync.</summary>
    public ImmutableArray<NodeId> Removing { get; init; } = [];

    public bool IsReassigning => !Adding.IsEmpty || !Removing.IsEmpty;

    /// <summary>A partition that lives on one broker only.</summary>
    public static PartitionState Sole(NodeId leader, LeaderEpoch epoch) => new()
    {
        Replicas = [leader],
        InSync = [leader],
        Leader = leader,
        LeaderEpoch = epoch,
    };
}
