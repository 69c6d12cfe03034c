namespace Loire.Broker.Gateway;

/// <summary>Why the gateway closed a connection that its client had not closed.</summary>
public enum CloseReason
{
    TooManyConnections,
    MalformedFrame,
    MalformedRequest,
    UnsupportedApi,
    Idle,
    SlowSender,
    SlowReader,
    HandlerFailed,
    RecordsUnreadable,

    /// <summary>A produce without acknowledgement failed: closing is how the client gets to know.</summary>
    Unanswerable,
}

/// <summary>The connection cannot go on. The message tells the operator what the client did.</summary>
internal sealed class ConnectionRefusedException(CloseReason reason, string message) : Exception(message)
{
    public CloseReason Reason => reason;
}
