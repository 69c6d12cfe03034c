using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers;

/// <summary>Compares the leader epoch a client knows with the replica's (KIP-320).</summary>
internal static class LeaderEpochCheck
{
    /// <returns>NONE, also where the client knows none; FENCED_LEADER_EPOCH where the client's is older,
    /// UNKNOWN_LEADER_EPOCH where it is newer.</returns>
    public static ErrorCode Check(LeaderEpoch known, PartitionReplica replica)
    {
        if (known == LeaderEpoch.None) return ErrorCode.None;
        return known.CompareTo(replica.LeaderEpoch) switch
        {
            < 0 => ErrorCode.FencedLeaderEpoch,
            > 0 => ErrorCode.UnknownLeaderEpoch,
            _ => ErrorCode.None,
        };
    }
}
