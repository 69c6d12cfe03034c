using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>Waits for partitions to have more to read.</summary>
public interface IFetchListener
{
    /// <summary>More became readable. No lock is held; possibly on the log's commit thread: must not block.</summary>
    void OnAvailable(long addedBytes);

    /// <summary>The partition is closed, has failed or has another leader: reading again says which.</summary>
    void OnPartitionChanged();
}

/// <summary>A listener's place at one partition: a node of the partition's list, so that entering and leaving cost the
/// same however many wait. Reusable; belongs to at most one partition at a time.</summary>
public sealed class FetchWatch
{
    internal IFetchListener? Listener;

    /// <summary>The high watermark the listener has read up to; of a follower's, the one it was told, or null where it is
    /// not to be told of more.</summary>
    internal Offset? Seen;

    /// <summary>Of a follower: the log end it has seen. Null of others, who see what is committed.</summary>
    internal Offset? SeenEnd;
    /// <summary>That the replica follows and does not lead is no news.</summary>
    internal bool ReadsFollower;
    internal FetchWatch? Previous;
    internal FetchWatch? Next;
    internal bool IsListed;
}
