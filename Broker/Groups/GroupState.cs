namespace Loire.Broker.Groups;

/// <summary>Where a classic group stands between two assignments. A group that does not exist is described as Dead;
/// there is no such state here.</summary>
public enum GroupState : byte
{
    /// <summary>No members; it may have offsets.</summary>
    Empty = 0,

    /// <summary>Waiting for the members to join.</summary>
    PreparingRebalance = 1,

    /// <summary>Members have joined; waiting for the leader's assignment and for it to be committed.</summary>
    CompletingRebalance = 2,

    /// <summary>The assignment is committed.</summary>
    Stable = 3,
}

internal static class GroupStateNames
{
    public const string Dead = "Dead";

    /// <summary>The name in answers.</summary>
    public static string Name(this GroupState state) => state switch
    {
        GroupState.Empty => "Empty",
        GroupState.PreparingRebalance => "PreparingRebalance",
        GroupState.CompletingRebalance => "CompletingRebalance",
        _ => "Stable",
    };
}
