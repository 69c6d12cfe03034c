using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads for a follower: up to the log end. It is told at once of errors, where its log parts from this one, and
/// of a moved high watermark or log start, so that whoever leads next knows them.</summary>
internal sealed class FollowerReader(NodeId follower) : FetchReader
{
    public override void Read(FetchPartition partition, int maxBytes, bool atLeastOne)
    {
        var position = new FetchPosition(partition.FetchOffset, partition.LastFetchedEpoch, partition.CurrentLeaderEpoch);
        var read = partition.Replica!.ReadAsFollower(follower, position, maxBytes, atLeastOne);
        partition.Diverging = read.Diverging is { } diverging ? (diverging.Epoch, diverging.End) : null;
        partition.Read = new PartitionRead(
            read.Error, read.Records, read.LogEndOffset, read.HighWatermark, read.HighWatermark, read.LogStartOffset);
    }

    public override bool IsUrgent(FetchPartition partition) =>
        partition.Diverging is not null
        || partition.Read.Error != ErrorCode.None
        || partition.Read.HighWatermark != partition.ToldHighWatermark
        || partition.Read.LogStartOffset != partition.ToldLogStart;

    public override void Watch(FetchPartition partition, IFetchListener listener) => partition.Replica?.WatchAsFollower(
        partition.Watch, listener, seenEnd: partition.Read.NextOffset, partition.Read.HighWatermark);
}
