using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a leader knows of its replicas. The high watermark is the smallest durable end among those in sync and
/// never falls.</summary>
internal sealed class LeaderState
{
    private readonly NodeId[] _inSync;
    private readonly Offset[] _durableEnds;

    /// <param name="inSync">The leader itself among them.</param>
    /// <param name="highWatermark">As far as this replica knows; rises as replicas report.</param>
    public LeaderState(LeaderEpoch epoch, ImmutableArray<NodeId> inSync, int replicaCount, Offset highWatermark)
    {
        Epoch = epoch;
        ReplicaCount = replicaCount;
        HighWatermark = highWatermark;
        _inSync = [.. inSync];
        _durableEnds = new Offset[inSync.Length];
        Array.Fill(_durableEnds, Offset.Zero);
    }

    public LeaderEpoch Epoch { get; }
    public int ReplicaCount { get; }
    public int InSyncCount => _inSync.Length;
    public Offset HighWatermark { get; private set; }

    /// <summary>A replica has synced everything below <paramref name="durableEnd"/>.</summary>
    /// <returns>Whether the high watermark rose.</returns>
    public bool Durable(NodeId replica, Offset durableEnd)
    {
        var index = Array.IndexOf(_inSync, replica);
        if (index < 0 || durableEnd <= _durableEnds[index]) return false;
        _durableEnds[index] = durableEnd;

        var smallest = _durableEnds[0];
        foreach (var end in _durableEnds) smallest = Offset.Min(smallest, end);
        if (smallest <= HighWatermark) return false;
        HighWatermark = smallest;
        return true;
    }
}
