using System.Net.Sockets;
using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>What a client makes of errors.</summary>
internal static class Failures
{
    /// <summary>Whether the same call may succeed a moment later, perhaps at another silo. What became of a call that
    /// failed so is not known. An exception that says that a topic does not exist comes from its controller, and is the
    /// last word.</summary>
    public static bool MayPass(Exception exception) => exception switch
    {
        LoireException { Error: (short)ErrorCode.UnknownTopicOrPartition } => false,
        LoireException refused => MayPass((ErrorCode)refused.Error),
        TimeoutException or OrleansException or SocketException or IOException => true,
        _ => false,
    };

    /// <summary>The same of an error in an answer; a broker may not have heard of a topic yet.</summary>
    public static bool MayPass(ErrorCode error) => error is ErrorCode.LeaderNotAvailable or ErrorCode.NotLeaderOrFollower
        or ErrorCode.UnknownTopicOrPartition or ErrorCode.RequestTimedOut or ErrorCode.ReplicaNotAvailable
        or ErrorCode.NetworkException or ErrorCode.CoordinatorLoadInProgress or ErrorCode.CoordinatorNotAvailable
        or ErrorCode.NotCoordinator or ErrorCode.NotEnoughReplicas or ErrorCode.NotEnoughReplicasAfterAppend
        or ErrorCode.NotController or ErrorCode.KafkaStorageError or ErrorCode.FencedLeaderEpoch
        or ErrorCode.UnknownLeaderEpoch or ErrorCode.OffsetNotAvailable or ErrorCode.InvalidUpdateVersion
        or ErrorCode.UnstableOffsetCommit or ErrorCode.ThrottlingQuotaExceeded or ErrorCode.UnknownTopicId;

    /// <summary>An error code's exception; the message says what was tried.</summary>
    public static LoireException ToException(this ErrorCode error, string what, string? detail = null) =>
        new((short)error, $"{what}: {detail ?? Explain(error)} [{error}]");

    public static LoireException UnknownTopic(string topic) => new(
        (short)ErrorCode.UnknownTopicOrPartition,
        $"There is no topic '{topic}': create it with ILoireClient.Admin.CreateTopicAsync. [{ErrorCode.UnknownTopicOrPartition}]");

    public static LoireException UnknownStreamTopic(string provider, string topic) => new(
        (short)ErrorCode.UnknownTopicOrPartition,
        $"Streams '{provider}': there is no topic '{topic}'. Name it among the provider's Topics on the silos, which then create it "
        + $"and deliver its events, or create it with ILoireClient.Admin.CreateTopicAsync. [{ErrorCode.UnknownTopicOrPartition}]");

    public static LoireException UnknownDeadLetterTopic(string provider, string topic) => new(
        (short)ErrorCode.UnknownTopicOrPartition,
        $"Streams '{provider}' deliver nothing: there is no dead-letter topic '{topic}'. Create it with "
        + $"ILoireClient.Admin.CreateTopicAsync, or let CreatesTopics be true. [{ErrorCode.UnknownTopicOrPartition}]");

    private static string Explain(ErrorCode error) => error switch
    {
        ErrorCode.MessageTooLarge => "the batch is larger than the topic's max.message.bytes",
        ErrorCode.NotEnoughReplicas => "fewer replicas are in sync than min.insync.replicas asks for",
        ErrorCode.OffsetOutOfRange => "the offset lies outside the log",
        ErrorCode.IllegalGeneration or ErrorCode.UnknownMemberId or ErrorCode.RebalanceInProgress
            => "the group has moved on, and the partition may belong to another member",
        ErrorCode.FencedInstanceId => "another consumer runs under the same group instance id",
        ErrorCode.InconsistentGroupProtocol => "the group's members have no assignment strategy in common",
        _ => "the cluster refused it",
    };
}
