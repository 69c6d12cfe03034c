using System.Buffers.Binary;
using Loire.Broker.Ports;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Log;

/// <summary>A stretch of the journal that is not whole.</summary>
/// <param name="Until">Where the next whole entry stands; where there is none, the end of what is not zero.</param>
/// <param name="FirstSequence">The number the first entry there had.</param>
/// <param name="NextSequence">The number of the next whole entry; the same as the first where there is none.</param>
internal sealed record DamagedRegion(long From, long Until, long FirstSequence, long NextSequence, bool IsTail, string What);

/// <summary>Walks through a whole journal and proves everything in it: entries, batches, indexes, the checkpoint.</summary>
internal sealed class JournalSurvey
{
    public const string NotWhole = "no whole entry, though whole ones follow";

    private readonly JournalDirectory _directory;
    private readonly SalvagedFiles _files;
    private readonly JournalGeometry _geometry;
    private readonly int[] _present;
    private readonly List<LogDamage> _damages = [];
    private readonly List<DamagedRegion> _regions = [];
    private readonly Dictionary<int, SegmentIndexBuilder> _indexes = [];
    private readonly LossTracker _losses;
    private readonly Action<long, long>? _progress;
    private LogDamage? _tornTail;
    private int _firstKept;
    private long _entries;
    private long _batches;
    private long _batchBytes;

    private JournalSurvey(JournalDirectory directory, Action<long, long>? progress)
    {
        _directory = directory;
        _files = new SalvagedFiles(directory.Files);
        _geometry = directory.Files.Geometry;
        _present = directory.Files.List();
        _progress = progress;
        try
        {
            Checkpoint = Checkpoint.TryRead(directory.Path);
        }
        catch (Exception damaged) when (damaged is LogStoreException { IsNewerFormat: false } or IOException)
        {
            string path = Checkpoint.PathIn(directory.Path);
            _damages.Add(new LogDamage(path, -1, 0, new FileInfo(path).Length, damaged.Message));
            IsCheckpointDamaged = true;
        }
        _losses = new LossTracker(Checkpoint ?? Checkpoint.Empty);
        _firstKept = Checkpoint?.FirstSegment ?? 0;
        End = Math.Max(_geometry.StartOf(_firstKept), JournalGeometry.FirstAddress);
    }

    /// <summary>Null where there is none or it is damaged.</summary>
    public Checkpoint? Checkpoint { get; }
    public bool IsCheckpointDamaged { get; }
    public IReadOnlyList<DamagedRegion> Regions => _regions;

    /// <summary>The journal's files, read as far as they can be.</summary>
    public SalvagedFiles Files => _files;

    /// <summary>The segments whose index files are missing, or do not fit them, or would not after a repair.</summary>
    public ISet<int> DamagedIndexes { get; } = new SortedSet<int>();
    public LossTracker Losses => _losses;

    /// <summary>Where the journal ends, and the number of the entry that would come there.</summary>
    public long End { get; private set; }
    public long NextSequence { get; private set; }

    /// <summary>Whether entries are missing at the end that the checkpoint knows of. A page that was left early may lie
    /// between the last entry and the checkpoint's address.</summary>
    public bool EndsBeforeCheckpoint => Checkpoint is { } checkpoint
        && JournalGeometry.RoundUpToSector(End) < checkpoint.Until
        && NextSequence < checkpoint.NextSequence;

    /// <summary>The oldest segment that has a file, or would have to have one.</summary>
    public int FirstSegment => _present.Length > 0 ? _present[0] : _firstKept;

    /// <summary>The last segment that has a file, or of which the checkpoint knows.</summary>
    public int LastSegment =>
        Math.Max(_present.LastOrDefault(), _geometry.SegmentOf(Checkpoint?.Until ?? JournalGeometry.FirstAddress));

    /// <param name="progress">Told now and then: bytes done, bytes in all.</param>
    /// <exception cref="LogStoreException">The checkpoint is of a newer format.</exception>
    public static JournalSurvey Run(JournalDirectory directory, Action<long, long>? progress)
    {
        var survey = new JournalSurvey(directory, progress);
        if (survey._present.Length > 0)
            survey.Walk();
        survey._losses.PassCheckpoint();
        survey.CheckHead();
        survey.CheckIndexes();
        survey.NoteUnreadable();
        return survey;
    }

    /// <summary>Opens a data directory that no broker has open.</summary>
    /// <param name="open">Makes the files of the journal; tests put faults in between.</param>
    public static JournalDirectory Open(string dataDirectory, Func<string, JournalGeometry, JournalFiles>? open = null)
    {
        string path = JournalDirectory.PathIn(dataDirectory);
        if (!Directory.Exists(path))
            throw new LogStoreException($"{dataDirectory} holds no journal.");
        var format = FormatFile.TryRead(path) ?? throw new LogStoreException($"{path} is empty.");
        var geometry = new JournalGeometry(format.Seed, format.SegmentBytes, format.SegmentBytes, format.WindowBytes);
        var files = open?.Invoke(path, geometry) ?? new JournalFiles(path, geometry, NullLogger.Instance);
        return new JournalDirectory(path, files, 0);
    }

    public LogReport ToReport() => new(
        _directory.Path,
        _present.Length,
        _losses.Partitions,
        _entries,
        _batches,
        _batchBytes,
        _damages,
        _tornTail,
        _losses.Losses);

    private void Walk()
    {
        long start = Math.Max(_geometry.StartOf(_present[0]), JournalGeometry.FirstAddress);
        long end = _geometry.StartOf(_present[^1] + 1);
        var scanner = new JournalScanner(_files, start, nextSequence: -1);
        do
        {
            while (scanner.MoveNext())
            {
                Take(scanner);
                if ((_entries & 0xFFF) == 0)
                    _progress?.Invoke(scanner.Address - start, end - start);
            }
        }
        while (TryPassEnd(scanner));
    }

    private void Take(JournalScanner scanner)
    {
        var entry = scanner.Entry;
        _entries++;
        if (entry.Kind == EntryKind.Append)
        {
            _batches++;
            _batchBytes += entry.PayloadBytes;
        }
        else if (entry.Kind == EntryKind.Head)
        {
            _firstKept = Math.Max(_firstKept, BinaryPrimitives.ReadInt32LittleEndian(scanner.Payload));
        }
        if (!_losses.Add(scanner))
        {
            AddRegion(new DamagedRegion(
                scanner.Address,
                scanner.EntryEnd,
                entry.Sequence,
                scanner.NextSequence,
                IsTail: false,
                $"an entry of partition {entry.Partition}, whose creation is lost"));
            return;
        }
        int segment = _geometry.SegmentOf(scanner.Address);
        if (scanner.Address >= (Checkpoint?.Until ?? 0))
            return;
        if (!_indexes.TryGetValue(segment, out var index))
            _indexes.Add(segment, index = new SegmentIndexBuilder());
        index.Add(scanner);
    }

    /// <returns>True where the walk goes on behind damage.</returns>
    private bool TryPassEnd(JournalScanner scanner)
    {
        End = scanner.EndAddress;
        NextSequence = Math.Max(scanner.NextSequence, 0);
        if (scanner.End != ScanEnd.Damage && !EndsBeforeCheckpoint && !FilesGoOn())
        {
            if (scanner.End == ScanEnd.TornTail)
                _tornTail = Describe(End, scanner.DirtyUntil - End, "writes that were under way at the end");
            return false;
        }

        if (scanner.TryResume(out long next))
        {
            AddRegion(new DamagedRegion(
                End, next, NextSequence, scanner.NextSequence, IsTail: false, NotWhole));
            return true;
        }
        AddRegion(new DamagedRegion(
            End,
            Math.Max(scanner.DirtyUntil, End),
            NextSequence,
            NextSequence,
            IsTail: true,
            "no whole entry, though the journal went on"));
        return false;
    }

    /// <summary>Whether there are files behind the end where a crash leaves none, or none where there should be one.</summary>
    private bool FilesGoOn()
    {
        long tail = JournalGeometry.RoundUpToSector(End);
        return _present[^1] > _geometry.LastSegmentFor(tail)
            || _present[^1] - _geometry.SegmentOf(tail) > _present.Count(segment => segment > _geometry.SegmentOf(tail))
            || (_present[^1] > _geometry.SegmentOf(tail) && Array.BinarySearch(_present, _geometry.SegmentOf(tail)) < 0);
    }

    /// <summary>Where the first files are missing there is nothing to cut out: the journal begins with those that are
    /// there.</summary>
    private void CheckHead()
    {
        int first = _present.Length > 0 ? _present[0] : _geometry.SegmentOf((Checkpoint?.Until ?? 1) - 1);
        if (first > _firstKept)
        {
            long from = _geometry.StartOf(_firstKept);
            _damages.Add(Describe(from, _geometry.StartOf(first) - from, "missing"));
        }
    }

    private void NoteUnreadable()
    {
        foreach (var (address, sizeBytes, why) in _files.Unreadable)
            _damages.Add(Describe(address, sizeBytes, $"cannot be read: {why}"));
    }

    private void AddRegion(DamagedRegion region)
    {
        _regions.Add(region);
        _damages.Add(Describe(region.From, region.Until - region.From, region.What));
    }

    private LogDamage Describe(long address, long sizeBytes, string what) => new(
        _directory.Files.PathOf(_geometry.SegmentOf(address)),
        address,
        _geometry.OffsetInSegment(address),
        sizeBytes,
        what);

    /// <summary>Where a segment is damaged its index cannot be compared; it is made anew with the repair.</summary>
    private void CheckIndexes()
    {
        foreach (var region in _regions)
        {
            int last = _geometry.SegmentOf(Math.Max(region.Until - 1, region.From));
            for (int segment = _geometry.SegmentOf(region.From); segment <= last; segment++)
                DamagedIndexes.Add(segment);
        }
        foreach (var (segment, built) in _indexes)
        {
            // Of a segment that is being removed the index goes first.
            if (DamagedIndexes.Contains(segment) || segment < _firstKept)
                continue;
            string path = SegmentIndexFile.PathOf(_directory.Files.PathOf(segment));
            using var file = SegmentIndexFile.TryOpen(path, segment);
            // A crash between the two leaves an index that is ahead of the checkpoint: a start makes it anew.
            bool isAhead = file?.CoversUntil > Checkpoint?.Until;
            if (file is not null && (isAhead || built.Agrees(file)))
                continue;
            DamagedIndexes.Add(segment);
            _damages.Add(new LogDamage(
                path, -1, 0, 0, file is null ? "missing or damaged; the next start rebuilds it" : "does not fit its segment"));
        }
    }
}
