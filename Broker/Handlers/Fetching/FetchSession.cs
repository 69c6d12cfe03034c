using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>The partitions a client fetches again and again, so that a request names only what changed (KIP-227). In use
/// by one request at a time.</summary>
/// <param name="follower">The follower it belongs to; none where it is a consumer's.</param>
internal sealed class FetchSession(int id, FetchPartitionSet partitions, bool usesTopicIds, NodeId follower, long createdMs)
{
    public int Id { get; } = id;
    public FetchPartitionSet Partitions { get; } = partitions;
    public bool UsesTopicIds { get; } = usesTopicIds;
    public NodeId Follower { get; } = follower;
    public long CreatedMs { get; } = createdMs;

    /// <summary>What the next request must carry.</summary>
    public int NextEpoch { get; set; } = 1;
    public long LastUsedMs { get; set; } = createdMs;
    public bool IsInUse { get; set; }

    /// <summary>How many of its partitions the cache has counted.</summary>
    public int CountedPartitions { get; set; }

    /// <summary>Epochs run on from 2147483647 to 1: 0 means a new session.</summary>
    public static int EpochAfter(int epoch) => epoch == int.MaxValue ? 1 : epoch + 1;
}
