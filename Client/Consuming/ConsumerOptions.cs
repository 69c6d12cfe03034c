namespace Loire.Client;

/// <summary>Where to go on when there is no valid offset to go on from.</summary>
public enum OffsetReset
{
    Earliest,
    Latest,

    /// <summary>End with the error OFFSET_OUT_OF_RANGE.</summary>
    Fail,
}

/// <summary>How a consumer reads.</summary>
public record ConsumerOptions
{
    /// <summary>What a single read of a partition asks for. At least one record batch comes, whatever its size.</summary>
    public int FetchSizeBytes { get; init; } = 1024 * 1024;

    /// <summary>What may lie ready for the reader; beyond it, and one read of each partition, reading waits.</summary>
    public int PrefetchSizeBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How long a read waits at the end of a partition for more.</summary>
    public TimeSpan FetchWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Applies where the wanted offset does not exist, and in groups where none is committed.</summary>
    public OffsetReset OffsetReset { get; init; } = OffsetReset.Earliest;

    /// <summary>Leave out what open and aborted transactions wrote.</summary>
    public bool IsReadCommitted { get; init; } = true;
}
