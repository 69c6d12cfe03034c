using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Loire.Broker.Ports;
using Loire.Broker.Topics;

namespace Loire.Log;

/// <summary>Cuts out of a journal what is damaged, so that it can be opened again. The bytes that are cut are kept beside
/// the journal; what is whole stays where it is.</summary>
public static class LogRepairer
{
    private const string KeptDirectory = "journal-cut";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <param name="progress">Told now and then: bytes done, bytes in all.</param>
    /// <returns>What was found, all of which is mended now; the losses are what could not be kept.</returns>
    /// <exception cref="LogStoreException">The directory is in use, of a newer format or not a log's; or the checkpoint is
    /// damaged and the journal's beginning, which could replace it, was removed long ago.</exception>
    public static LogReport Repair(string dataDirectory, Action<long, long>? progress = null) =>
        Repair(dataDirectory, progress, open: null);

    /// <param name="open">Makes the files of the journal; tests put faults in between.</param>
    internal static LogReport Repair(
        string dataDirectory, Action<long, long>? progress, Func<string, JournalGeometry, JournalFiles>? open)
    {
        using var inUse = DirectoryLock.Take(dataDirectory);
        var directory = JournalSurvey.Open(dataDirectory, open);
        using var files = directory.Files;
        var survey = JournalSurvey.Run(directory, progress);
        if (survey.Checkpoint is null)
            directory.FirstCheckpoint();
        if (survey.Losses.Losses.Count > 0)
        {
            RenewDirectoryId(dataDirectory);
            LossFile.Add(directory.Path, survey.Losses.Losses);
        }
        foreach (var region in survey.Regions)
            Keep(survey.Files, region, dataDirectory);
        // An index of what is cut out would still be whole, and a start would serve what it points to: it goes first.
        foreach (int segment in survey.DamagedIndexes)
            File.Delete(IndexOf(files, segment));
        NativeFile.SyncDirectory(directory.Path);
        if (survey.IsCheckpointDamaged)
            RemoveCheckpoint(directory, dataDirectory);
        if (survey.Regions is [.., { IsTail: true } tail])
            RemoveBehind(directory, tail, survey.LastSegment);
        // Of what is whole an unreadable sector is no part, or zeros; written anew it can be read again.
        foreach (var (address, sizeBytes, _) in survey.Files.Unreadable.Where(run => files.Exists(files.Geometry.SegmentOf(run.Address))))
            files.Clear(address, sizeBytes);
        foreach (var region in survey.Regions)
            CutOut(files, region);
        if (survey.Checkpoint is { } checkpoint && Mend(checkpoint, survey) is var mended && mended != checkpoint)
            mended.Write(directory.Path);
        RebuildIndexes(directory, survey.DamagedIndexes);
        NativeFile.SyncDirectory(directory.Path);
        return survey.ToReport();
    }

    /// <summary>A cluster counts on every record it acknowledged being in the directory it knows by this id. The directory
    /// that will lack some is another one to it, and is so before the first is cut out.</summary>
    private static void RenewDirectoryId(string dataDirectory)
    {
        string path = Path.Combine(dataDirectory, "meta.json");
        if (!File.Exists(path))
            return;
        var meta = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        meta["directoryId"] = RandomIds.NewClusterId();
        DurableFile.Write(path, Encoding.UTF8.GetBytes(meta.ToJsonString(Indented)));
    }

    /// <summary>Without a checkpoint the next start replays the journal from its beginning.</summary>
    private static void RemoveCheckpoint(JournalDirectory directory, string dataDirectory)
    {
        File.Move(Checkpoint.PathIn(directory.Path), NewKeptPath(dataDirectory, "checkpoint"));
        NativeFile.SyncDirectory(directory.Path);
    }

    private static void Keep(JournalFiles files, DamagedRegion region, string dataDirectory)
    {
        string path = NewKeptPath(dataDirectory, region.From.ToString("D20", CultureInfo.InvariantCulture));
        using var copy = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        foreach (var (address, size) in SplitBySegment(files.Geometry, region))
        {
            if (!files.Exists(files.Geometry.SegmentOf(address)))
                continue;
            byte[] bytes = new byte[size];
            files.Read(address, bytes);
            RandomAccess.Write(copy, bytes, address - region.From);
        }
        RandomAccess.FlushToDisk(copy);
        NativeFile.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>A repair that was interrupted has kept bytes that the next one finds cut out: what is kept stays.</summary>
    private static string NewKeptPath(string dataDirectory, string name)
    {
        string kept = Path.GetFullPath(Path.Combine(dataDirectory, KeptDirectory));
        DurableFile.CreateDirectory(kept);
        string path = Path.Combine(kept, name);
        for (int i = 1; File.Exists(path); i++)
            path = Path.Combine(kept, $"{name}.{i}");
        return path;
    }

    /// <summary>Leaves zeros at the journal's end, else in each segment one entry; the first stands for those that are
    /// missing.</summary>
    private static void CutOut(JournalFiles files, DamagedRegion region)
    {
        long sequence = region.FirstSequence;
        foreach (var (address, size) in SplitBySegment(files.Geometry, region))
        {
            int segment = files.Geometry.SegmentOf(address);
            if (region.IsTail && !files.Exists(segment))
                continue;
            files.Allocate(segment);
            files.Clear(address, size);
            if (region.IsTail || size < JournalEntry.OverheadBytes)
                continue;
            byte[] cut = new byte[size];
            JournalEntry.WriteInPlaceOf(sequence, region.NextSequence, EntryKind.Cut, cut, files.Geometry.Seed, address);
            files.Overwrite(address, cut);
            sequence = region.NextSequence;
        }
    }

    /// <summary>Removes the files behind the journal's end, the last first. What stands in one would be taken for entries when
    /// the journal comes there again.</summary>
    private static void RemoveBehind(JournalDirectory directory, DamagedRegion tail, int lastSegment)
    {
        var files = directory.Files;
        for (int segment = lastSegment; segment > files.Geometry.SegmentOf(tail.From); segment--)
        {
            File.Delete(IndexOf(files, segment));
            files.Remove(segment);
        }
        NativeFile.SyncDirectory(directory.Path);
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

    /// <summary>A start would do it too; but what was repaired is to be whole.</summary>
    private static void RebuildIndexes(JournalDirectory directory, IEnumerable<int> segments)
    {
        var files = directory.Files;
        long until = Checkpoint.TryRead(directory.Path)?.Until ?? 0;
        foreach (int segment in segments.Where(segment => files.Geometry.StartOf(segment) < until))
        {
            long end = Math.Min(files.Geometry.StartOf(segment + 1), until);
            SegmentIndexBuilder.Rebuild(files, segment, end, IndexOf(files, segment)).Dispose();
        }
    }

    private static string IndexOf(JournalFiles files, int segment) => SegmentIndexFile.PathOf(files.PathOf(segment));

    /// <summary>The checkpoint of a journal that begins later or ends earlier than it says.</summary>
    private static Checkpoint Mend(Checkpoint checkpoint, JournalSurvey survey)
    {
        var mended = survey.EndsBeforeCheckpoint ? MoveBack(checkpoint, survey) : checkpoint;
        return mended with { FirstSegment = Math.Max(mended.FirstSegment, survey.FirstSegment) };
    }

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
