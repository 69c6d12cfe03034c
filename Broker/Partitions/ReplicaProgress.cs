using Loire.Broker.Replication;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>How far one replica has come, as its leader knows in this epoch.</summary>
internal sealed class ReplicaProgress(NodeId node)
{
    /// <summary>The high watermark waits no longer than about this for who comes in from far behind.</summary>
    private const long PaceMs = 2_000;

    // What the leader had at a past fetch. Kept until it is synced here: a follower that reads ahead of its disk has never
    // synced all that the leader had at its last fetch.
    private long _markMs = long.MinValue;
    private Offset _markEnd = Offset.None;

    public NodeId Node { get; } = node;

    /// <summary>Everything below it is synced there and equal to the leader's log.</summary>
    public Offset DurableEnd { get; private set; } = Offset.None;

    /// <summary>When it last had all that the leader had; milliseconds of <see cref="ElapsedTime"/>.</summary>
    public long LastCaughtUpMs { get; set; } = long.MinValue;

    /// <summary>The controller confirmed it.</summary>
    public bool IsInSync { get; set; }

    /// <summary>The controller was asked, in this partition epoch, to let it join: it may be in sync already.</summary>
    public bool IsProposed { get; set; }

    /// <summary>The controller did not let it join, as one that it takes for dead. It is proposed again at the next check of
    /// the lag, not at every fetch.</summary>
    public bool IsDenied { get; set; }

    /// <summary>It keeps pace with the leader. The high watermark waits for it, else it could never reach that and
    /// join while producers are busy.</summary>
    public bool KeepsPace { get; set; }

    /// <summary>The high watermark must not pass it.</summary>
    public bool Counts => IsInSync || IsProposed || KeepsPace;

    public void Durable(Offset end) => DurableEnd = Offset.Max(DurableEnd, end);

    /// <summary>It fetches, and has synced everything below <paramref name="durableEnd"/>. Who now has what the leader had at
    /// an earlier fetch was caught up at that time.</summary>
    public void Fetched(Offset durableEnd, Offset leaderEnd, long nowMs)
    {
        Durable(durableEnd);
        var caughtUpMs = durableEnd >= leaderEnd ? nowMs : durableEnd >= _markEnd ? _markMs : long.MinValue;

        // The clock may not have moved since the leadership began, or since it was dropped.
        if (caughtUpMs > LastCaughtUpMs || durableEnd >= leaderEnd)
        {
            LastCaughtUpMs = caughtUpMs;
            KeepsPace |= caughtUpMs >= nowMs - PaceMs;
        }

        if (durableEnd < _markEnd) return;
        _markMs = nowMs;
        _markEnd = leaderEnd;
    }
}
