using System.Globalization;
using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Cuts out of a journal what is damaged, so that it can be opened again. The bytes that are cut are kept beside
/// the journal; what is whole stays where it is.</summary>
public static class LogRepairer
{
    private const string KeptDirectory = "journal-cut";

    /// <param name="progress">Told now and then: bytes done, bytes in all.</param>
    /// <returns>What was found, all of which is mended now; the losses are what could not be kept.</returns>
    /// <exception cref="LogStoreException">The directory is in use, of a newer format or not a log's; or the checkpoint is
    /// damaged and the journal's beginning, which could replace it, was removed long ago.</exception>
    public static LogReport Repair(string dataDirectory, Action<long, long>? progress = null)
    {
        using var inUse = DirectoryLock.Take(dataDirectory);
        var directory = JournalSurvey.Open(dataDirectory);
        using var files = directory.Files;
        var survey = JournalSurvey.Run(directory, progress);
        if (survey.IsCheckpointDamaged)
            RemoveCheckpoint(directory, dataDirectory);
        foreach (var region in survey.Regions)
        {
            Keep(files, region, dataDirectory);
            CutOut(files, region);
        }
        foreach (string index in survey.DamagedIndexes)
            File.Delete(index);
        if (survey.Checkpoint is { } checkpoint && JournalGeometry.RoundUpToSector(survey.End) < checkpoint.Until)
            MoveBack(checkpoint, survey).Write(directory.Path);
        NativeFile.SyncDirectory(directory.Path);
        return survey.ToReport();
    }

    /// <summary>Without a checkpoint the next start replays the journal from its beginning.</summary>
    private static void RemoveCheckpoint(JournalDirectory directory, string dataDirectory)
    {
        directory.FirstCheckpoint();
        string kept = Directory.CreateDirectory(Path.Combine(dataDirectory, KeptDirectory)).FullName;
        File.Move(Checkpoint.PathIn(directory.Path), Path.Combine(kept, "checkpoint"), overwrite: true);
    }

    private static void Keep(JournalFiles files, DamagedRegion region, string dataDirectory)
    {
        string kept = Directory.CreateDirectory(Path.Combine(dataDirectory, KeptDirectory)).FullName;
        string path = Path.Combine(kept, region.From.ToString("D20", CultureInfo.InvariantCulture));
        using var copy = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        long written = 0;
        foreach (var (address, size) in SplitBySegment(files.Geometry, region))
        {
            byte[] bytes = new byte[size];
            files.Read(address, bytes);
            RandomAccess.Write(copy, bytes, written);
            written += size;
        }
        RandomAccess.FlushToDisk(copy);
        NativeFile.SyncDirectory(kept);
    }

    /// <summary>Leaves zeros at the journal's end and where no entry is missing, else one entry that stands for the missing
    /// ones; more where the region spans segments.</summary>
    private static void CutOut(JournalFiles files, DamagedRegion region)
    {
        long sequence = region.FirstSequence;
        foreach (var (address, size) in SplitBySegment(files.Geometry, region))
        {
            files.Clear(address, size);
            if (region.IsTail || region.NextSequence == region.FirstSequence || size < JournalEntry.OverheadBytes)
                continue;
            byte[] cut = new byte[size];
            int payload = size - JournalEntry.OverheadBytes;
            BitConverter.TryWriteBytes(cut, JournalEntry.HeaderBytes + payload);
            new JournalEntry(EntryKind.Cut, (int)(region.NextSequence - sequence), payload, sequence, DurableUntil: 0)
                .Write(cut.AsSpan(JournalEntry.LengthBytes), files.Geometry.Seed, address);
            files.Overwrite(address, cut);
            sequence = region.NextSequence;
        }
    }

    private static IEnumerable<(long Address, int SizeBytes)> SplitBySegment(JournalGeometry geometry, DamagedRegion region)
    {
        for (long at = region.From; at < region.Until;)
        {
            long end = Math.Min(region.Until, geometry.StartOf(geometry.SegmentOf(at) + 1));
            yield return (at, (int)(end - at));
            at = end;
        }
    }

    /// <summary>The checkpoint of a journal that ends before it.</summary>
    private static Checkpoint MoveBack(Checkpoint checkpoint, JournalSurvey survey) => checkpoint with
    {
        Until = JournalGeometry.RoundUpToSector(survey.End),
        NextSequence = survey.NextSequence,
        Partitions = checkpoint.Partitions.Select(state => Shorten(state, survey.Losses.EndOf(state))).ToList(),
    };

    private static PartitionState Shorten(PartitionState state, long end) => end >= state.LogEnd ? state : state with
    {
        LogStart = Math.Min(state.LogStart, end),
        LogEnd = end,
        Truncations = state.Truncations + 1,
        Snapshot = state.Snapshot with { ReplayFrom = Math.Min(state.Snapshot.ReplayFrom, end) },
    };
}
