namespace Loire.Protocol.Wire;

/// <summary>Bytes from outside do not follow the protocol, or a value does not fit the version it is written in. The
/// message names the field or the structure and what was wrong with it.</summary>
public sealed class WireFormatException : Exception
{
    public WireFormatException(string message)
        : base(message)
    {
    }
}
