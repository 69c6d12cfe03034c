namespace Loire.Protocol.Wire;

/// <summary>A protocol message or data record: knows its size and writes itself at any version it has.</summary>
public interface IMessage
{
    /// <summary>The exact number of bytes <see cref="Write"/> produces at <paramref name="version"/>, sources of
    /// records included.</summary>
    /// <exception cref="OverflowException">It is more than <see cref="int.MaxValue"/>.</exception>
    int SizeOf(short version);

    /// <exception cref="WireFormatException">The version cannot carry a value that is set and not ignorable.</exception>
    void Write(ref WireWriter writer, short version);
}

/// <summary>What the generator adds to each message class.</summary>
public interface IMessage<TSelf> : IMessage
    where TSelf : class, IMessage<TSelf>
{
    static abstract MessageInfo Info { get; }

    /// <exception cref="WireFormatException">The bytes are not this message; nothing is kept.</exception>
    static abstract TSelf Read(ref WireReader reader, short version);
}

/// <summary>What is fixed for a message: its name, API (null for data records) and versions.</summary>
/// <param name="FlexibleFrom">The first flexible version; <see cref="short.MaxValue"/> where there is none.</param>
public sealed record MessageInfo(string Name, ApiKey? ApiKey, short LowestVersion, short HighestVersion, short FlexibleFrom)
{
    public bool IsFlexible(short version) => version >= FlexibleFrom;
}
