using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>How far one replica has come, as its leader knows in this epoch.</summary>
internal sealed class ReplicaProgress(NodeId node)
{
    private long _lastFetchMs = long.MinValue;
    private Offset _leaderEndAtLastFetch = Offset.None;

    public NodeId Node { get; } = node;

    /// <summary>Everything below it is synced there and equal to the leader's log.</summary>
    public Offset DurableEnd { get; private set; } = Offset.None;

    /// <summary>When it last had all that the leader had; milliseconds since 1970.</summary>
    public long LastCaughtUpMs { get; set; } = long.MinValue;

    /// <summary>The controller confirmed it.</summary>
    public bool IsInSync { get; set; }

    /// <summary>The controller was asked, in this partition epoch, to let it join: it may be in sync already.</summary>
    public bool IsProposed { get; set; }

    /// <summary>It keeps pace with the leader. The high watermark waits for it, else it could never reach that and
    /// join while producers are busy.</summary>
    public bool KeepsPace { get; set; }

    /// <summary>The high watermark must not pass it.</summary>
    public bool Counts => IsInSync || IsProposed || KeepsPace;

    public void Durable(Offset end) => DurableEnd = Offset.Max(DurableEnd, end);

    /// <summary>It asks for what follows <paramref name="offset"/>, hence has everything below. Who now has what the leader
    /// had when it asked last was caught up at that time.</summary>
    public void Fetched(Offset offset, Offset leaderEnd, long nowMs)
    {
        Durable(offset);
        var caughtUpMs = offset >= leaderEnd ? nowMs : offset >= _leaderEndAtLastFetch ? _lastFetchMs : long.MinValue;

        // The clock may not have moved since the leadership began, or since it was dropped.
        if (caughtUpMs > LastCaughtUpMs || offset >= leaderEnd)
        {
            LastCaughtUpMs = caughtUpMs;
            KeepsPace = true;
        }

        _lastFetchMs = nowMs;
        _leaderEndAtLastFetch = leaderEnd;
    }
}
