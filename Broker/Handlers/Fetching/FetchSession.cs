using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>The partitions a client fetches again and again, so that a request names only what changed (KIP-227). In use
/// by one request at a time.</summary>
/// <param name="follower">The follower it belongs to; none where it is a consumer's.</param>
internal sealed class FetchSession(int id, bool usesTopicIds, NodeId follower, long createdMs)
{
    private readonly Dictionary<FetchKey, FetchPartition> _byKey = [];

    public int Id { get; } = id;
    public bool UsesTopicIds { get; } = usesTopicIds;
    public NodeId Follower { get; } = follower;
    public long CreatedMs { get; } = createdMs;

    /// <summary>What the next request must carry.</summary>
    public int NextEpoch { get; set; } = 1;
    public long LastUsedMs { get; set; } = createdMs;
    public bool IsInUse { get; set; }

    /// <summary>In the order they are read.</summary>
    public List<FetchPartition> Partitions { get; } = [];

    /// <summary>Adds a partition, or takes over what the client asks for now.</summary>
    public void Set(FetchPartition asked)
    {
        if (!_byKey.TryGetValue(asked.Key, out var known))
        {
            _byKey.Add(asked.Key, asked);
            Partitions.Add(asked);
            return;
        }

        known.FetchOffset = asked.FetchOffset;
        known.DurableEnd = asked.DurableEnd;
        known.MaxBytes = asked.MaxBytes;
        known.CurrentLeaderEpoch = asked.CurrentLeaderEpoch;
        known.LastFetchedEpoch = asked.LastFetchedEpoch;
    }

    public void Forget(IEnumerable<FetchKey> keys)
    {
        var any = false;
        foreach (var key in keys)
        {
            if (!_byKey.Remove(key, out var partition)) continue;
            partition.IsForgotten = true;
            any = true;
        }

        if (any) Partitions.RemoveAll(partition => partition.IsForgotten);
    }

    /// <summary>Lets those that got nothing this time go first the next time.</summary>
    public void Rotate()
    {
        var served = Partitions.FindAll(static partition => partition.WasServed);
        if (served.Count == 0 || served.Count == Partitions.Count) return;
        Partitions.RemoveAll(static partition => partition.WasServed);
        Partitions.AddRange(served);
    }

    /// <summary>Epochs run on from 2147483647 to 1: 0 means a new session.</summary>
    public static int EpochAfter(int epoch) => epoch == int.MaxValue ? 1 : epoch + 1;
}
