using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>Gives back the space of dead batches in segments that live ones keep. What is wanted of a segment is copied, to the
/// addresses it has, into a file with holes that then takes the segment's place: to readers nothing changes. A segment is
/// worth it when at least half of what it takes is dead, so that all copying together stays below what was written. Dead
/// is what lies below its partition's log start, or is of a partition that is no more, as the disk has it: a start that replays
/// that never asks for it again. Entries of other kinds stay; they are small, and an index that has to be rebuilt needs
/// them.</summary>
/// <param name="mayReplace">Whether nobody but readers of batches, who are counted, reads a segment.</param>
internal sealed class SegmentThinner(JournalFiles files, SegmentTable segments, Func<int, bool> mayReplace, ILogger logger)
{
    /// <summary>Less than this part of a segment is not worth the work.</summary>
    private const int MinGainDivisor = 8;
    private const int CopyBufferBytes = 1 << 20;

    private readonly Queue<JournalSegment> _candidates = new();
    private IReadOnlyDictionary<int, long> _logStarts = new Dictionary<int, long>();

    public bool HasMore => _candidates.Count > 0;

    /// <summary>Has all segments looked at that lie before <paramref name="limit"/>, the checkpoint's own.</summary>
    /// <param name="logStarts">Of all partitions, by their handles; on the disk.</param>
    public void Restart(IReadOnlyDictionary<int, long> logStarts, int limit)
    {
        // There a file takes the space of its holes too.
        if (OperatingSystem.IsWindows())
            return;
        _logStarts = logStarts;
        _candidates.Clear();
        foreach (var segment in segments.Before(limit))
            _candidates.Enqueue(segment);
    }

    /// <summary>Thins the next segment that is worth it, if there is one.</summary>
    public void Step()
    {
        while (_candidates.TryDequeue(out var segment))
        {
            if (segment.Number < segments.First || !mayReplace(segment.Number))
                continue;
            string path = files.PathOf(segment.Number);
            try
            {
                if (TryThin(segment, path))
                    return;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                logger.NotThinned(path, failure.Message);
                File.Delete(AsideOf(path));
            }
        }
    }

    private static string AsideOf(string path) => path + DurableFile.AsideExtension;

    private bool TryThin(JournalSegment segment, string path)
    {
        // Who reads the segment from now on was told the present log starts: only who began before may want dead batches.
        if (!IsWorthIt(segment, out long live) || segment.IsRead || live > NativeFile.CountFreeBytes(files.Directory))
            return false;
        string aside = AsideOf(path);
        if (!TryCopy(segment.Number, path, aside))
        {
            logger.NotThinned(path, "not all of it is whole");
            File.Delete(aside);
            return false;
        }
        long before = files.CountBytes(segment.Number);
        files.Replace(segment.Number, aside);
        segment.KeptBytes = live;
        logger.SegmentThinned(path, before - files.CountBytes(segment.Number));
        return true;
    }

    private bool IsWorthIt(JournalSegment segment, out long live)
    {
        live = 0;
        if (segment.Index is not { } index)
            return false;
        foreach (ref readonly var record in index.Records)
            live += CountLive(index, record);
        if (segment.KeptBytes < 0 && IsGain(files.Geometry.SegmentBytes, live))
            segment.KeptBytes = files.CountBytes(segment.Number);
        return IsGain(segment.KeptBytes, live);
    }

    private bool IsGain(long keptBytes, long liveBytes) =>
        keptBytes - liveBytes >= Math.Max(keptBytes / 2, files.Geometry.SegmentBytes / MinGainDivisor);

    private long CountLive(SegmentIndexFile index, in SegmentIndexRecord record)
    {
        if (!_logStarts.TryGetValue(record.Partition, out long logStart) || record.EndOffset <= logStart)
            return 0;
        long live = record.SizeBytes;
        foreach (ref readonly var entry in index.Entries.Slice(record.FirstEntry, record.Count))
        {
            if (entry.NextOffset > logStart)
                break;
            live -= entry.SizeBytes;
        }
        return live;
    }

    /// <returns>False where the segment is damaged: it is left as it is, for whoever mends it.</returns>
    private bool TryCopy(int segment, string path, string aside)
    {
        var geometry = files.Geometry;
        long start = geometry.StartOf(segment);
        using var copy = new FileStream(aside, FileMode.Create, FileAccess.ReadWrite, FileShare.None, CopyBufferBytes);
        copy.SetLength(geometry.SegmentBytes);
        var dropped = new DroppedRun(geometry, copy, start);
        var scanner = new JournalScanner(files, Math.Max(start, JournalGeometry.FirstAddress), nextSequence: -1);
        while (true)
        {
            if (!scanner.MoveNext())
                return false;
            if (geometry.SegmentOf(scanner.Address) != segment)
                break;
            if (!IsWanted(scanner))
            {
                dropped.Add(scanner);
                continue;
            }
            dropped.Write();
            copy.Position = scanner.Address - start;
            copy.Write(scanner.Bytes);
        }
        dropped.Write();
        copy.Flush();
        // Batches without timestamps are as old as their file.
        File.SetLastWriteTimeUtc(copy.SafeFileHandle, File.GetLastWriteTimeUtc(path));
        RandomAccess.FlushToDisk(copy.SafeFileHandle);
        return true;
    }

    private bool IsWanted(JournalScanner scanner) => scanner.Entry.Kind switch
    {
        EntryKind.Append => _logStarts.TryGetValue(scanner.Entry.Partition, out long logStart)
            && IndexEntry.Of(scanner.Address, RecordBatchHeader.Read(scanner.Payload)).NextOffset > logStart,
        _ => !scanner.Entry.StandsForOthers,
    };
}
