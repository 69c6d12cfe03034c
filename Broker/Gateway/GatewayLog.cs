using System.Net;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Gateway;

internal static partial class GatewayLog
{
    [LoggerMessage(1, LogLevel.Warning, "Connection of {Remote} (client {ClientId}) closed, {Reason}: {Message}")]
    public static partial void ConnectionCut(
        this ILogger log, EndPoint? remote, string? clientId, CloseReason reason, string message);

    [LoggerMessage(2, LogLevel.Error,
        "{Api} request, version {Version}, correlation id {CorrelationId}, of client {ClientId} at {Remote} failed; "
        + "its connection is closed")]
    public static partial void HandlerFailed(
        this ILogger log, string api, short version, int correlationId, string? clientId, EndPoint? remote, Exception error);

    [LoggerMessage(3, LogLevel.Warning, "Connection of {Remote} not accepted: {Limit}")]
    public static partial void ConnectionNotAccepted(this ILogger log, EndPoint? remote, string limit);
}
