using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Replication;

/// <summary>A replica as its fetcher sees it.</summary>
public interface IFollowerReplica
{
    TopicIdPartition Partition { get; }

    /// <summary>Told after each sync of the log while the replica follows a leader, and when it ceases to follow it, so that
    /// nobody waits for a sync that is not told any more: its newest fetcher. Possibly on the log's commit thread, with no
    /// lock held: must not block.</summary>
    Action? Synced { get; set; }

    /// <summary>Whether it follows that broker now.</summary>
    bool IsFollowing(NodeId leader);

    /// <summary>Whether it is to be slowed down while it catches up (KIP-73).</summary>
    bool IsThrottled => false;

    FetchPosition GetFetchPosition();

    /// <summary>Takes the leader's answer: appends what it sent, or cuts the log where the leader says that they part, or
    /// starts anew where the leader's log does (OFFSET_OUT_OF_RANGE).</summary>
    /// <param name="asked">The position that was answered; where it is no longer this replica's, nothing happens.</param>
    FetchedOutcome TakeFetched(in FetchPosition asked, in FollowerRead answer, in ReadOnlySequence<byte> records);
}
