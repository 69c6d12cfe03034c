using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a leader knows of its replicas. The high watermark is the smallest durable end among those that are in
/// sync or may have become so, and never falls.</summary>
internal sealed class LeaderState
{
    private readonly NodeId _self;
    private ReplicaProgress[] _replicas;
    private int _partitionEpoch;

    /// <param name="state">Names this replica as the leader.</param>
    /// <param name="epochStart">The log end when it took the lead.</param>
    /// <param name="highWatermark">As far as this replica knows; rises as replicas report.</param>
    public LeaderState(PartitionState state, Offset epochStart, Offset highWatermark, long nowMs)
    {
        _self = state.Leader;
        _replicas = [];
        Epoch = state.LeaderEpoch;
        EpochStart = epochStart;
        HighWatermark = highWatermark;
        Take(state);

        // Who was in sync gets the whole lag time to be heard of.
        foreach (var replica in _replicas) replica.LastCaughtUpMs = replica.IsInSync ? nowMs : long.MinValue;
    }

    public LeaderEpoch Epoch { get; }
    public Offset EpochStart { get; }
    public int ReplicaCount => _replicas.Length;
    public int InSyncCount { get; private set; }
    public Offset HighWatermark { get; private set; }

    /// <summary>Leadership is being handed over: followers are served, producers are sent away.</summary>
    public bool IsResigning { get; set; }

    public bool HasReplica(NodeId node) => Find(node) is not null;

    /// <summary>The controller decided on this leader's replicas or in-sync set. What was proposed before can no longer be
    /// granted.</summary>
    /// <returns>Whether the high watermark rose.</returns>
    public bool Confirmed(PartitionState state)
    {
        Take(state);
        return RaiseHighWatermark();
    }

    /// <summary>A replica has synced everything below <paramref name="durableEnd"/>.</summary>
    /// <returns>Whether the high watermark rose.</returns>
    public bool Durable(NodeId node, Offset durableEnd)
    {
        if (Find(node) is not { } replica || durableEnd <= replica.DurableEnd) return false;
        replica.Durable(durableEnd);
        return RaiseHighWatermark();
    }

    /// <summary>A follower fetches that has synced what is below <paramref name="durableEnd"/>.</summary>
    /// <param name="proposal">Set where it has caught up and may join.</param>
    /// <returns>Whether the high watermark rose.</returns>
    public bool Fetched(NodeId node, Offset durableEnd, Offset logEnd, long nowMs, out InSyncProposal? proposal)
    {
        proposal = null;
        if (Find(node) is not { } replica) return false;
        replica.Fetched(durableEnd, logEnd, nowMs);
        var rose = RaiseHighWatermark();
        var mayJoin = replica is { IsInSync: false, IsProposed: false, IsDenied: false, KeepsPace: true };
        if (mayJoin && replica.DurableEnd >= Offset.Max(HighWatermark, EpochStart))
        {
            replica.IsProposed = true;
            proposal = Propose();
        }

        return rose;
    }

    /// <summary>Asks for those to leave that have not been caught up for <paramref name="lagMaxMs"/>, and asks again for
    /// what is not answered yet. A leader that resigns asks for nothing: followers fall behind because it stops serving them, and
    /// whoever it left out could not succeed it.</summary>
    /// <param name="proposal">Null where the confirmed set is as it should be.</param>
    /// <returns>Whether the high watermark rose.</returns>
    public bool CheckLag(long nowMs, long lagMaxMs, out InSyncProposal? proposal)
    {
        proposal = null;
        if (IsResigning) return false;
        var isLate = false;
        foreach (var replica in _replicas)
        {
            if (replica.Node != _self && replica.LastCaughtUpMs < nowMs - lagMaxMs) replica.KeepsPace = false;
            replica.IsDenied = false;
            isLate |= replica.IsProposed || (replica.IsInSync && !replica.KeepsPace);
        }

        if (isLate) proposal = Propose();
        return RaiseHighWatermark();
    }

    /// <summary>Of <paramref name="among"/> the in-sync follower that has come furthest; none where there is none that has
    /// what lies below <paramref name="from"/>.</summary>
    public NodeId FindInSync(ImmutableArray<NodeId> among, Offset from) => _replicas
        .Where(replica => replica.IsInSync && replica.Node != _self && replica.DurableEnd >= from && among.Contains(replica.Node))
        .MaxBy(replica => replica.DurableEnd)?.Node ?? NodeId.None;

    private InSyncProposal Propose() => new(
        _self,
        Epoch,
        _partitionEpoch,
        [.. _replicas.Where(replica => replica.Node == _self || (replica.KeepsPace && (replica.IsInSync || replica.IsProposed)))
            .Select(replica => replica.Node)]);

    private void Take(PartitionState state)
    {
        _partitionEpoch = state.PartitionEpoch;
        _replicas = [.. state.Replicas.Select(node => Find(node) ?? new ReplicaProgress(node))];
        var isSameSet = _replicas.All(replica => replica.IsInSync == state.InSync.Contains(replica.Node));
        foreach (var replica in _replicas)
        {
            var isInSync = state.InSync.Contains(replica.Node);
            replica.IsDenied = replica.IsProposed && isSameSet;

            // Who leaves or may not join, as a broker that is down, is not waited for until it is heard of again.
            if (isInSync || replica.IsInSync || replica.IsProposed) replica.KeepsPace = isInSync;
            replica.IsInSync = isInSync;
            replica.IsProposed = false;
        }

        InSyncCount = state.InSync.Length;
    }

    private bool RaiseHighWatermark()
    {
        var smallest = Offset.None;
        foreach (var replica in _replicas)
        {
            if (!replica.Counts) continue;
            smallest = smallest == Offset.None ? replica.DurableEnd : Offset.Min(smallest, replica.DurableEnd);
            if (smallest == Offset.None) return false;
        }

        if (smallest <= HighWatermark) return false;
        HighWatermark = smallest;
        return true;
    }

    private ReplicaProgress? Find(NodeId node)
    {
        foreach (var replica in _replicas)
        {
            if (replica.Node == node) return replica;
        }

        return null;
    }
}
