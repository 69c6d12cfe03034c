using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>What clients are told when the coordinator's log refuses: they know the errors of coordinators, not those of
/// produce.</summary>
internal static class CoordinatorErrors
{
    public static ErrorCode FromAppend(ErrorCode error) => error switch
    {
        ErrorCode.UnknownTopicOrPartition or ErrorCode.NotEnoughReplicas or ErrorCode.RequestTimedOut =>
            ErrorCode.CoordinatorNotAvailable,
        ErrorCode.NotLeaderOrFollower or ErrorCode.KafkaStorageError => ErrorCode.NotCoordinator,
        ErrorCode.MessageTooLarge or ErrorCode.RecordListTooLarge or ErrorCode.InvalidFetchSize or ErrorCode.InvalidRecord =>
            ErrorCode.UnknownServerError,
        _ => error,
    };
}
