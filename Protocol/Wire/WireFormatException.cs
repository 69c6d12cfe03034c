namespace Loire.Protocol.Wire;

/// <summary>Bytes from outside do not follow the protocol, or a value does not fit the version it is written in. The
/// message names the field or the structure and what was wrong with it.</summary>
public sealed class WireFormatException : Exception
{
    public WireFormatException(string message)
        : base(message)
    {
    }

    /// <summary>A value is set that <paramref name="version"/> has no place for, and dropping it would change what
    /// the message means.</summary>
    public static WireFormatException CannotCarry(string field, short version) =>
        new($"{field}: version {version} cannot carry the value");

    /// <summary>The message has no layout for <paramref name="version"/>.</summary>
    public static WireFormatException NoSuchVersion(string message, short version) =>
        new($"{message} has no version {version}");
}
