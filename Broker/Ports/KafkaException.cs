using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>A request cannot be done; the client gets the code and the message. Off the hot paths only: produce and
/// fetch answer with codes.</summary>
public sealed class KafkaException : Exception
{
    public KafkaException(ErrorCode code, string message)
        : base(message) => Code = code;

    public ErrorCode Code { get; }
}
