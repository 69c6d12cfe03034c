using Loire.Broker.Partitions;
using Loire.Broker.Replication;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads for a follower: up to the log end. It is told at once of errors, where its log parts from this one, and
/// of a moved log start.</summary>
/// <param name="tellsHighWatermark">It is told of that at once, too, for consumers read there; else with the next records,
/// or when its wait is over. A leader that is elected asks its followers anyway before it relies on what it was
/// told.</param>
/// <param name="throttle">Of followers that catch up.</param>
internal sealed class FollowerReader(NodeId follower, bool tellsHighWatermark, ReplicationThrottle throttle, TimeProvider time)
    : FetchReader
{
    public override void Read(FetchPartition partition, int maxBytes, bool atLeastOne)
    {
        var position = new FetchPosition(
            partition.FetchOffset, partition.DurableEnd, partition.LastFetchedEpoch, partition.CurrentLeaderEpoch);
        var replica = partition.Replica!;
        var isThrottled = replica.IsThrottledFor(follower);
        var nowMs = isThrottled ? time.ElapsedMs() : 0;
        if (isThrottled && throttle.AskAgainAtMs(nowMs) > nowMs) (maxBytes, atLeastOne) = (0, false);
        var read = replica.ReadAsFollower(follower, position, maxBytes, atLeastOne);
        if (isThrottled && read.Records is { } records) throttle.Take(records.SizeBytes, nowMs);
        partition.Diverging = read.Diverging is { } diverging ? (diverging.Epoch, diverging.End) : null;
        partition.Read = new PartitionRead(
            read.Error, read.Records, read.LogEndOffset, read.HighWatermark, read.HighWatermark, read.LogStartOffset);
    }

    public override bool IsUrgent(FetchPartition partition) =>
        partition.Diverging is not null
        || partition.Read.Error != ErrorCode.None
        || (tellsHighWatermark && partition.Read.HighWatermark != partition.ToldHighWatermark)
        || partition.Read.LogStartOffset != partition.ToldLogStart;

    public override void Watch(FetchPartition partition, IFetchListener listener) => partition.Replica?.WatchAsFollower(
        partition.Watch,
        listener,
        seenEnd: partition.Read.NextOffset,
        tellsHighWatermark ? partition.Read.HighWatermark : null);
}
