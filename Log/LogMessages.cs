using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>What the log says in its operator's log.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Information,
        "Opened {Directory}: {Partitions} partitions, journal from {Begin} to {Tail}, {Replayed} bytes replayed in {ElapsedMs} ms")]
    public static partial void Opened(
        this ILogger logger, string directory, int partitions, long begin, long tail, long replayed, long elapsedMs);

    [LoggerMessage(2, LogLevel.Warning,
        "Torn tail in {File}: cut at address {Address}, {Bytes} bytes dropped that were not synced as a whole")]
    public static partial void TornTail(this ILogger logger, string file, long address, long bytes);

    [LoggerMessage(3, LogLevel.Warning, "Index file {File} is missing or damaged; rebuilt from its segment")]
    public static partial void IndexRebuilt(this ILogger logger, string file);

    [LoggerMessage(4, LogLevel.Information,
        "The file system of {Directory} takes no O_DIRECT writes; using ordinary synced writes")]
    public static partial void NotDirect(this ILogger logger, string directory);

    [LoggerMessage(5, LogLevel.Critical, "The log takes no more writes: {Reason}")]
    public static partial void Failed(this ILogger logger, string reason, Exception? fault);

    [LoggerMessage(6, LogLevel.Debug, "Checkpoint at address {Address} with {Partitions} partitions")]
    public static partial void CheckpointTaken(this ILogger logger, long address, int partitions);

    [LoggerMessage(7, LogLevel.Information, "Removed {File}: nothing in it is wanted any more")]
    public static partial void SegmentRemoved(this ILogger logger, string file);

    [LoggerMessage(8, LogLevel.Error,
        "{File} is damaged at byte {FileOffset} (address {Address} of the journal): {What}. All else is served. With the broker " +
        "stopped, 'loire log verify {Directory}' shows what is affected, 'loire log repair {Directory}' mends it")]
    public static partial void Damaged(
        this ILogger logger, string file, long fileOffset, long address, string what, string directory);

    [LoggerMessage(9, LogLevel.Debug, "Closed with {Bytes} bytes of the old journal not proved again")]
    public static partial void ScrubStopped(this ILogger logger, long bytes);

    [LoggerMessage(10, LogLevel.Warning,
        "The journal's next file cannot be made yet: {Reason}. Appends go on until the present one is full; free space in " +
        "{Directory} before, then it is tried once more")]
    public static partial void NoNextFileYet(this ILogger logger, string reason, string directory);

    [LoggerMessage(11, LogLevel.Information, "Gave back {Bytes} bytes of {File} that nobody wants any more")]
    public static partial void SegmentThinned(this ILogger logger, string file, long bytes);

    [LoggerMessage(12, LogLevel.Warning, "The space of what nobody wants any more in {File} cannot be given back now: {Reason}")]
    public static partial void NotThinned(this ILogger logger, string file, string reason);

    [LoggerMessage(13, LogLevel.Information,
        "There is room for the journal's next file in {Directory} again: records are taken")]
    public static partial void RoomAgain(this ILogger logger, string directory);

    [LoggerMessage(14, LogLevel.Warning,
        "No checkpoint can be taken in {Directory}: {Reason}. It is tried again; a start before it succeeds replays more")]
    public static partial void CheckpointPutOff(this ILogger logger, string directory, string reason);
}
