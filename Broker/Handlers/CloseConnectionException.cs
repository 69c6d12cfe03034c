namespace Loire.Broker.Handlers;

/// <summary>A handler has no answer that could tell the client what went wrong (acks=0): the gateway closes the
/// connection when the request's turn to be answered comes, and logs the message.</summary>
public sealed class CloseConnectionException : Exception
{
    public CloseConnectionException(string message)
        : base(message)
    {
    }
}
