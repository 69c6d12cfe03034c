using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads for consumers: up to the high watermark or the last stable offset.</summary>
internal sealed class ConsumerReader(ReadIsolation isolation) : FetchReader
{
    public override void Read(FetchPartition partition, int maxBytes, bool atLeastOne)
    {
        var replica = partition.Replica!;
        partition.Read = LeaderEpochCheck.Check(partition.CurrentLeaderEpoch, replica) is not ErrorCode.None and var fenced
            ? Refused(fenced)
            : CheckDiverging(partition, replica) ?? replica.Read(partition.FetchOffset, maxBytes, atLeastOne, isolation);
    }

    /// <summary>A partition that is not known may come into being within the client's wait, and the others are not to
    /// suffer.</summary>
    public override bool IsUrgent(FetchPartition partition) =>
        partition.Diverging is not null
        || partition.Read.Error is not (ErrorCode.None or ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId);

    public override void Watch(FetchPartition partition, IFetchListener listener) =>
        partition.Replica?.Watch(partition.Watch, listener, partition.Read.HighWatermark);

    /// <returns>Null where the consumer's log is a part of this one, as far as it says.</returns>
    private static PartitionRead? CheckDiverging(FetchPartition partition, PartitionReplica replica)
    {
        if (partition.LastFetchedEpoch == LeaderEpoch.None) return null;
        var end = replica.EndOfEpoch(partition.LastFetchedEpoch);
        if (end.Epoch == LeaderEpoch.None) return Refused(ErrorCode.OffsetOutOfRange);
        if (end.End >= partition.FetchOffset && end.Epoch >= partition.LastFetchedEpoch) return null;
        partition.Diverging = end;
        return new PartitionRead(
            ErrorCode.None,
            null,
            partition.FetchOffset,
            replica.HighWatermark,
            replica.LastStableOffset,
            replica.LogStartOffset);
    }
}
