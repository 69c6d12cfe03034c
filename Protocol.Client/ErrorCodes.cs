namespace Loire.Protocol.Client;

/// <summary>What a client makes of the protocol's errors.</summary>
public static class ErrorCodes
{
    /// <summary>Whether the same request may succeed a moment later, perhaps elsewhere.</summary>
    public static bool IsRetriable(this ErrorCode error) => error is ErrorCode.CorruptMessage
        or ErrorCode.UnknownTopicOrPartition or ErrorCode.LeaderNotAvailable or ErrorCode.NotLeaderOrFollower
        or ErrorCode.RequestTimedOut or ErrorCode.ReplicaNotAvailable or ErrorCode.NetworkException
        or ErrorCode.CoordinatorLoadInProgress or ErrorCode.CoordinatorNotAvailable or ErrorCode.NotCoordinator
        or ErrorCode.NotEnoughReplicas or ErrorCode.NotEnoughReplicasAfterAppend or ErrorCode.NotController
        or ErrorCode.ConcurrentTransactions or ErrorCode.KafkaStorageError or ErrorCode.FencedLeaderEpoch
        or ErrorCode.UnknownLeaderEpoch or ErrorCode.OffsetNotAvailable or ErrorCode.PreferredLeaderNotAvailable
        or ErrorCode.UnstableOffsetCommit or ErrorCode.ThrottlingQuotaExceeded or ErrorCode.UnknownTopicId
        or ErrorCode.InconsistentTopicId;

    /// <summary>A sentence that says what is wrong and, where that is known, what to do.</summary>
    public static string Explain(this ErrorCode error) => error switch
    {
        ErrorCode.UnknownTopicOrPartition => "there is no such topic or partition; create it with 'loire topics create'.",
        ErrorCode.TopicAlreadyExists => "the topic exists already.",
        ErrorCode.InvalidTopicException => "the topic's name is not valid: letters, digits, '.', '_' and '-', at most 249.",
        ErrorCode.InvalidPartitions => "the number of partitions is not valid; it can only grow.",
        ErrorCode.InvalidReplicationFactor => "there are not as many brokers as the replication factor asks for.",
        ErrorCode.MessageTooLarge => "the batch is larger than the topic's max.message.bytes.",
        ErrorCode.LeaderNotAvailable => "it has no leader: no replica that is in sync is up.",
        ErrorCode.NotEnoughReplicas => "fewer replicas are in sync than min.insync.replicas asks for.",
        ErrorCode.KafkaStorageError => "the broker cannot write to its disk; see its log.",
        ErrorCode.GroupIdNotFound => "there is no such group.",
        ErrorCode.NonEmptyGroup => "the group has members; stop them first.",
        ErrorCode.UnknownMemberId => "the group has members that commit its offsets; stop them first.",
        ErrorCode.CoordinatorNotAvailable => "the group's coordinator is not available.",
        ErrorCode.InvalidConfig => "the configuration is not valid.",
        ErrorCode.UnsupportedVersion => "the broker does not support this request.",
        ErrorCode.OffsetOutOfRange => "the offset lies outside the log.",
        ErrorCode.UnsupportedCompressionType => "the broker cannot take this compression codec.",
        _ => $"the broker answered {error} ({(short)error}).",
    };
}
