namespace Loire.Client;

/// <summary>Where to start in a partition.</summary>
public readonly record struct StartPosition
{
    private StartPosition(StartKind kind, long value) => (Kind, Value) = (kind, value);

    /// <summary>The first record there is.</summary>
    public static StartPosition Beginning => default;

    /// <summary>What is written from now on.</summary>
    public static StartPosition End => new(StartKind.End, 0);

    public static StartPosition At(long offset) => new(StartKind.Offset, offset);

    /// <summary>The first record of this time or later; the end where there is none.</summary>
    public static StartPosition Since(DateTimeOffset time) => new(StartKind.Timestamp, time.ToUnixTimeMilliseconds());

    internal StartKind Kind { get; }

    /// <summary>An offset, or milliseconds since 1970.</summary>
    internal long Value { get; }
}

internal enum StartKind
{
    Beginning,
    End,
    Offset,
    Timestamp,
}

/// <summary>A partition to read, and from where.</summary>
public readonly record struct PartitionStart(string Topic, int Partition, StartPosition Start);
