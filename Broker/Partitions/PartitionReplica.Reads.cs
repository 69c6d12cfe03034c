using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>The replica as consumers read it and wait for it: where it leads, and where it follows and is the nearest to
/// them (KIP-392).</summary>
public sealed partial class PartitionReplica
{
    /// <summary>Reads whole batches from <paramref name="from"/> on, as far as the isolation lets see.</summary>
    /// <param name="atLeastOne">Give the first batch even where it alone is over <paramref name="maxBytes"/>.</param>
    /// <returns>NONE (no records where there are none yet), OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE where the log is known to be
    /// damaged, OFFSET_NOT_AVAILABLE while a new leader does not know the high watermark, or why the partition cannot be
    /// read here.</returns>
    /// <exception cref="LogStoreException">The log is damaged there.</exception>
    /// <exception cref="IOException">The disk cannot be read.</exception>
    public PartitionRead Read(Offset from, int maxBytes, bool atLeastOne, ReadIsolation isolation)
    {
        var availability = Availability;

        // In this order: it is known only once it has been published.
        var knowsHighWatermark = KnowsHighWatermark;
        var highWatermark = HighWatermark;
        var lastStable = Offset.Min(LastStableOffset, highWatermark);
        var limit = isolation == ReadIsolation.Committed ? lastStable : highWatermark;
        if (availability != ErrorCode.None) return ReadOf(availability, null, from);
        if (!knowsHighWatermark)
        {
            return new PartitionRead(
                ErrorCode.OffsetNotAvailable, null, from, Offset.None, Offset.None, LogStartOffset);
        }

        // A caught-up reader, by far the most frequent one, costs the log nothing.
        if (from == limit && from >= LogStartOffset) return ReadOf(ErrorCode.None, null, from);

        var read = _log.Read(from, limit, maxBytes, atLeastOne);
        return ReadOf(ErrorOf(read.Status), read.Records, read.NextOffset);

        PartitionRead ReadOf(ErrorCode error, IRecordsSource? records, Offset next) =>
            new(error, records, next, highWatermark, lastStable, LogStartOffset);
    }

    /// <summary>Tells the listener of what is committed beyond <paramref name="seen"/>, until
    /// <see cref="Unwatch"/>.</summary>
    public void Watch(FetchWatch watch, IFetchListener listener, Offset seen) =>
        Watch(watch, listener, seen, seenEnd: null, readsFollower: false);

    public void Unwatch(FetchWatch watch)
    {
        lock (_lock) _core.Unwatch(watch);
    }

    /// <summary>Who else could serve a reader: of <paramref name="among"/> the in-sync follower that has come furthest.</summary>
    /// <returns>None where there is none that has what lies below <paramref name="from"/>, or this replica does not
    /// lead.</returns>
    public NodeId FindInSync(ImmutableArray<NodeId> among, Offset from)
    {
        lock (_lock) return _core.FindInSync(among, from);
    }

    /// <summary>Reads from a replica that follows, as far as it knows that records are committed.</summary>
    /// <inheritdoc cref="Read" path="/param"/>
    /// <returns>NONE; OFFSET_NOT_AVAILABLE where the leader has what this replica has not yet; OFFSET_OUT_OF_RANGE;
    /// CORRUPT_MESSAGE; or NOT_LEADER_OR_FOLLOWER where it follows nobody.</returns>
    /// <inheritdoc cref="Read" path="/exception"/>
    public PartitionRead ReadFollowing(Offset from, int maxBytes, bool atLeastOne, ReadIsolation isolation)
    {
        Offset highWatermark;
        Offset knownEnd;
        bool follows;
        lock (_lock)
        {
            follows = _core.FollowedLeader != NodeId.None;
            highWatermark = _core.HighWatermark;
            knownEnd = Offset.Max(_log.LogEndOffset, _core.LeaderHighWatermark);
        }

        if (!follows) return ReadOf(ErrorCode.NotLeaderOrFollower, null, from);
        if (from > highWatermark && from <= knownEnd) return ReadOf(ErrorCode.OffsetNotAvailable, null, from);

        // Equal while there are no transactions.
        var limit = isolation == ReadIsolation.Committed ? Offset.Min(LastStableOffset, highWatermark) : highWatermark;
        var read = from > highWatermark
            ? new LogRead(LogReadStatus.OutOfRange, null, from)
            : _log.Read(from, limit, maxBytes, atLeastOne);
        return ReadOf(ErrorOf(read.Status), read.Records, read.NextOffset);

        PartitionRead ReadOf(ErrorCode error, IRecordsSource? records, Offset next) =>
            new(error, records, next, highWatermark, highWatermark, LogStartOffset);
    }

    /// <summary>As <see cref="Watch(FetchWatch, IFetchListener, Offset)"/>, of a replica that follows.</summary>
    public void WatchFollowing(FetchWatch watch, IFetchListener listener, Offset seen) =>
        Watch(watch, listener, seen, seenEnd: null, readsFollower: true);

    private static ErrorCode ErrorOf(LogReadStatus status) => status switch
    {
        LogReadStatus.OutOfRange => ErrorCode.OffsetOutOfRange,
        LogReadStatus.Damaged => ErrorCode.CorruptMessage,
        _ => ErrorCode.None,
    };

    private void Watch(FetchWatch watch, IFetchListener listener, Offset? seen, Offset? seenEnd, bool readsFollower)
    {
        watch.Listener = listener;
        watch.Seen = seen;
        watch.SeenEnd = seenEnd;
        watch.ReadsFollower = readsFollower;
        var effects = EffectList.Rent();
        lock (_lock) _core.Watch(watch, effects);
        effects.RunAndReturn();
    }
}
