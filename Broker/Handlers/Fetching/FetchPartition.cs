using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>A partition that a client fetches: what it asks for, what the current request found, and what a session
/// remembers of earlier answers. Belongs to one request at a time.</summary>
internal sealed class FetchPartition(TopicName topic, TopicId topicId, PartitionIndex index)
{
    public TopicName Topic { get; } = topic;
    public TopicId TopicId { get; } = topicId;
    public PartitionIndex Index { get; } = index;
    public FetchKey Key => new(Topic, TopicId, Index);

    // What the client asks for.
    public Offset FetchOffset { get; set; }

    /// <summary>Of a follower: everything below it is synced there.</summary>
    public Offset DurableEnd { get; set; }
    public int MaxBytes { get; set; }
    public LeaderEpoch CurrentLeaderEpoch { get; set; }
    public LeaderEpoch LastFetchedEpoch { get; set; }

    // What this request found.
    public PartitionReplica? Replica { get; set; }
    public PartitionRead Read { get; set; }

    /// <summary>It was read from a replica that follows (KIP-392).</summary>
    public bool IsOfFollower { get; set; }

    /// <summary>Where the client's log parted from this one (KIP-595); null where it did not.</summary>
    public (LeaderEpoch Epoch, Offset End)? Diverging { get; set; }

    /// <summary>The replica that the consumer is to read instead (KIP-392); none where it is this one.</summary>
    public NodeId PreferredReplica { get; set; } = NodeId.None;

    /// <summary>Who leads, where this broker does not (KIP-951).</summary>
    public NodeId Leader { get; set; } = NodeId.None;
    public LeaderEpoch LeaderEpoch { get; set; } = LeaderEpoch.None;

    // What the session's client was told last.
    public Offset ToldHighWatermark { get; set; } = Offset.None;
    public Offset ToldLogStart { get; set; } = Offset.None;

    /// <summary>The last answer held records of it.</summary>
    public bool WasServed { get; set; }
    public bool IsForgotten { get; set; }

    public FetchWatch Watch { get; } = new();

    /// <summary>Gives back what was read and will not be sent.</summary>
    public void Release()
    {
        Read.Records?.Release();
        Read = Read with { Records = null };
    }
}

/// <summary>A partition by topic id from Fetch 13 on, by name before; the other one is empty.</summary>
internal readonly record struct FetchKey(TopicName Topic, TopicId TopicId, PartitionIndex Index);
