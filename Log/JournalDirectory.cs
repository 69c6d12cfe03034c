using Loire.Broker.Ports;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>The directory of a journal: its format file read or written, its sizes settled.</summary>
internal sealed record JournalDirectory(string Path, JournalFiles Files, long MemoryBytes)
{
    public static string PathIn(string dataDirectory) => System.IO.Path.Combine(dataDirectory, "journal");

    public static JournalDirectory Open(LogStoreOptions options, ILogger logger)
    {
        string path = PathIn(options.DataDirectory);
        DurableFile.CreateDirectory(System.IO.Path.GetFullPath(path));
        var format = FormatFile.TryRead(path);
        // A crash leaves what was being made to take another file's place.
        foreach (string unfinished in Directory.EnumerateFiles(path, "*" + DurableFile.AsideExtension))
            File.Delete(unfinished);
        int segmentBytes = format?.SegmentBytes ?? options.SegmentBytes;
        if (options.MaxBatchBytes > segmentBytes - JournalGeometry.SectorBytes)
        {
            throw new LogStoreException(
                $"MaxBatchBytes {options.MaxBatchBytes} does not fit the journal in {path}, which was created with files of " +
                $"{segmentBytes} bytes.");
        }
        int pageBytes = JournalGeometry.PageBytesFor(options.MaxBatchBytes, options.MemoryBytes, segmentBytes);
        long memoryBytes = JournalGeometry.MemoryBytesFor(pageBytes, options.MemoryBytes);
        format ??= FormatFile.CreateNew(segmentBytes, 0);
        if (memoryBytes > format.WindowBytes)
        {
            format = format with { WindowBytes = memoryBytes };
            format.Write(path);
        }
        var geometry = new JournalGeometry(format.Seed, segmentBytes, pageBytes, format.WindowBytes);
        var create = options.CreateFiles ?? ((directory, sizes, log) => new JournalFiles(directory, sizes, log));
        return new JournalDirectory(path, create(path, geometry, logger), memoryBytes);
    }

    /// <summary>Before the first checkpoint the journal is replayed from its beginning.</summary>
    /// <exception cref="LogStoreException">There was a checkpoint once: the beginning is gone.</exception>
    public Checkpoint FirstCheckpoint()
    {
        int[] segments = Files.List();
        if (segments.Length > 0 && segments[0] > 0)
        {
            throw new LogStoreException(
                $"{Checkpoint.PathIn(Path)} is missing, and the journal does not begin with its first file any more. " +
                "Put the checkpoint back from a backup.");
        }
        return Checkpoint.Empty;
    }
}
