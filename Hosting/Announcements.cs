using Loire.Embedded;
using Microsoft.Extensions.Logging;

namespace Loire.Hosting;

/// <summary>What a host says of itself, to <see cref="HostLogs.Announcer"/>.</summary>
public static partial class Announcements
{
    private const string ReadyText =
        "Loire {Version} is ready after {ElapsedMs} ms: Kafka clients connect to {Address}, data in {DataDirectory}";

    [LoggerMessage(1, LogLevel.Information, ReadyText + ", health and metrics on {HttpAddress}")]
    public static partial void Ready(
        this ILogger announcer, string version, long elapsedMs, HostPort address, string dataDirectory, string httpAddress);

    [LoggerMessage(2, LogLevel.Information, ReadyText)]
    public static partial void ReadyWithoutHttp(
        this ILogger announcer, string version, long elapsedMs, HostPort address, string dataDirectory);

    [LoggerMessage(3, LogLevel.Information, "Loire has stopped.")]
    public static partial void Stopped(this ILogger announcer);

    [LoggerMessage(4, LogLevel.Information, "Loire has stopped before it was ready.")]
    public static partial void StoppedEarly(this ILogger announcer);

    [LoggerMessage(5, LogLevel.Warning, "{Reason}")]
    public static partial void Warned(this ILogger announcer, string reason);

    [LoggerMessage(6, LogLevel.Critical, "{Reason}")]
    public static partial void Failed(this ILogger announcer, string reason);
}
