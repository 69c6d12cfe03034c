using Microsoft.Extensions.Logging;

namespace Loire.Client;

internal sealed partial class GroupAssignment
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Group '{Group}' gave {Count} partitions to this member")]
    private static partial void LogAssigned(ILogger logger, string group, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "Group '{Group}' rebalances ({Reason}): partitions are handed back")]
    private static partial void LogRebalance(ILogger logger, string group, ErrorCode reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': a batch took longer than {Timeout}; others may get its records a second time")]
    private static partial void LogSlow(ILogger logger, string group, TimeSpan timeout);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Group '{Group}': offsets could not be committed")]
    private static partial void LogNotCommitted(ILogger logger, Exception exception, string group);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Leaving group '{Group}'")]
    private static partial void LogLeaving(ILogger logger, string group);
}
