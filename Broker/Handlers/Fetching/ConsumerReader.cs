using System.Collections.Immutable;
using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads for consumers: up to the high watermark or the last stable offset.</summary>
/// <param name="readsFollowers">The consumer is served by followers too (KIP-392).</param>
/// <param name="nearby">The brokers of its rack, where it is to be sent to one of them; else empty.</param>
internal sealed class ConsumerReader(ReadIsolation isolation, bool readsFollowers, ImmutableArray<NodeId> nearby) : FetchReader
{
    public override bool ReadsFollowers => readsFollowers;

    public override void Read(FetchPartition partition, int maxBytes, bool atLeastOne)
    {
        var replica = partition.Replica!;
        if (LeaderEpochCheck.Check(partition.CurrentLeaderEpoch, replica) is not ErrorCode.None and var fenced)
        {
            partition.Read = Refused(fenced);
        }
        else if (!HasDiverged(partition, replica) && !HasNearer(partition, replica))
        {
            partition.IsOfFollower = readsFollowers && replica.Availability != ErrorCode.None;
            partition.Read = partition.IsOfFollower
                ? replica.ReadFollowing(partition.FetchOffset, maxBytes, atLeastOne, isolation)
                : replica.Read(partition.FetchOffset, maxBytes, atLeastOne, isolation);
        }
    }

    /// <summary>A partition that is not known may come into being within the client's wait, and the others are not to
    /// suffer.</summary>
    public override bool IsUrgent(FetchPartition partition) =>
        partition.Diverging is not null
        || partition.PreferredReplica != NodeId.None
        || partition.Read.Error is not (ErrorCode.None or ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId);

    public override void Watch(FetchPartition partition, IFetchListener listener)
    {
        if (partition.Replica is not { } replica) return;
        if (partition.IsOfFollower) replica.WatchFollowing(partition.Watch, listener, partition.Read.HighWatermark);
        else replica.Watch(partition.Watch, listener, partition.Read.HighWatermark);
    }

    /// <summary>Whether the consumer's log is not a part of this one, as far as it says.</summary>
    private static bool HasDiverged(FetchPartition partition, PartitionReplica replica)
    {
        if (partition.LastFetchedEpoch == LeaderEpoch.None) return false;
        var end = replica.EndOfEpoch(partition.LastFetchedEpoch);
        if (end.Epoch == LeaderEpoch.None)
        {
            partition.Read = Refused(ErrorCode.OffsetOutOfRange);
            return true;
        }

        if (end.End >= partition.FetchOffset && end.Epoch >= partition.LastFetchedEpoch) return false;
        partition.Diverging = end;
        partition.Read = Nothing(partition, replica);
        return true;
    }

    /// <summary>Whether an in-sync replica in the consumer's rack is to be read instead of this leader.</summary>
    private bool HasNearer(FetchPartition partition, PartitionReplica replica)
    {
        if (nearby.IsEmpty || partition.FetchOffset < replica.LogStartOffset) return false;
        partition.PreferredReplica = replica.FindInSync(nearby, partition.FetchOffset);
        if (partition.PreferredReplica == NodeId.None) return false;
        partition.Read = Nothing(partition, replica);
        return true;
    }

    private static PartitionRead Nothing(FetchPartition partition, PartitionReplica replica) => new(
        ErrorCode.None,
        null,
        partition.FetchOffset,
        replica.HighWatermark,
        replica.LastStableOffset,
        replica.LogStartOffset);
}
