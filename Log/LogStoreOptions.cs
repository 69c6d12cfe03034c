using System.Numerics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Log;

/// <summary>How a data directory's journal is laid out and how much memory it takes.</summary>
public sealed record LogStoreOptions
{
    public required string DataDirectory { get; init; }

    /// <summary>The largest batch that is appended, header included.</summary>
    public int MaxBatchBytes { get; init; } = 1_048_588;

    /// <summary>Size of a journal file, a power of two. Space is claimed one file ahead, a checkpoint is taken when a file
    /// is full, and files are what head truncation gives back. A directory keeps the size it was created with.</summary>
    public int SegmentBytes { get; init; } = 256 << 20;

    /// <summary>Journal pages kept in memory, a power of two: what consumers at the tail read without touching the disk.
    /// Touched as it is used.</summary>
    public int MemoryBytes { get; init; } = 64 << 20;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Makes the files of the journal; tests put faults in between.</summary>
    internal Func<string, JournalGeometry, ILogger, JournalFiles>? CreateFiles { get; init; }

    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(DataDirectory))
            throw new ArgumentException("DataDirectory is empty; name a directory for the log.");
        if (!BitOperations.IsPow2(SegmentBytes) || SegmentBytes < JournalGeometry.SectorBytes * 4)
            throw new ArgumentException($"SegmentBytes {SegmentBytes} is not a power of two of at least 16384.");
        if (!BitOperations.IsPow2(MemoryBytes))
            throw new ArgumentException($"MemoryBytes {MemoryBytes} is not a power of two.");
        if (MaxBatchBytes < 1 || MaxBatchBytes > SegmentBytes - JournalGeometry.SectorBytes)
        {
            throw new ArgumentException(
                $"MaxBatchBytes {MaxBatchBytes} does not fit a journal file of {SegmentBytes} bytes; raise SegmentBytes.");
        }
    }
}
