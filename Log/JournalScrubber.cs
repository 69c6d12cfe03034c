using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>Proves once after each start, on a thread of its own, what the start did not read: the journal before the
/// checkpoint and the entries of its index files. What is damaged is said and remembered; it is mended with the broker
/// stopped.</summary>
internal sealed class JournalScrubber : IDisposable
{
    /// <summary>A journal with more damage than this is hopeless; more lines about it help nobody.</summary>
    private const int MaxDamages = 100;

    private readonly SegmentTable _segments;
    private readonly JournalGeometry _geometry;
    private readonly PacedFiles _files;
    private readonly string _dataDirectory;
    private readonly long _until;
    private readonly long _nextSequence;
    private readonly Action<long, long, bool> _damaged;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread? _thread;
    private ImmutableList<LogDamage> _damages = [];
    private long _provedUntil;

    /// <param name="checkpoint">The start has proved what follows it.</param>
    /// <param name="damaged">Told between which addresses entries are damaged, and whether they could be read.</param>
    public JournalScrubber(
        JournalFiles served,
        SegmentTable segments,
        string dataDirectory,
        Checkpoint checkpoint,
        Action<long, long, bool> damaged,
        ILogger logger)
    {
        _segments = segments;
        _geometry = served.Geometry;
        _files = new PacedFiles(served, _stopping.Token);
        _dataDirectory = dataDirectory;
        _until = checkpoint.Until;
        _nextSequence = checkpoint.NextSequence;
        _damaged = damaged;
        _logger = logger;
        _provedUntil = StartOf(segments.First);
        if (LeftBytes == 0)
            return;
        _thread = new Thread(Run) { IsBackground = true, Name = "journal scrub" };
        _thread.Start();
    }

    public IReadOnlyList<LogDamage> Damages => Volatile.Read(ref _damages);
    public long LeftBytes => Math.Max(_until - Volatile.Read(ref _provedUntil), 0);

    /// <summary>Whether a segment was proved, or is not to be.</summary>
    public bool IsDoneWith(int segment) =>
        _geometry.StartOf(segment + 1) <= Volatile.Read(ref _provedUntil) || _geometry.StartOf(segment) >= _until;

    public void Dispose()
    {
        _stopping.Cancel();
        _thread?.Join();
        _files.Dispose();
        _stopping.Dispose();
    }

    private void Run()
    {
        try
        {
            CheckIndexes();
            CheckEntries();
        }
        catch (OperationCanceledException)
        {
            _logger.ScrubStopped(LeftBytes);
        }
    }

    private void CheckIndexes()
    {
        int end = _geometry.SegmentOf(_until - 1) + 1;
        for (int segment = _segments.First; segment < end; segment++)
        {
            string path = SegmentIndexFile.PathOf(_files.PathOf(segment));
            if (FindFault(path, segment) is { } fault && segment >= _segments.First)
                Report(new LogDamage(path, -1, 0, 0, fault));
            _stopping.Token.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What is wrong with an index file, which may be removed meanwhile; null where it is whole.</summary>
    private static string? FindFault(string path, int segment)
    {
        try
        {
            using var file = SegmentIndexFile.TryOpen(path, segment);
            return file?.AreEntriesIntact() == true ? null : "missing, or does not fit its checksum";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return $"cannot be read: {unreadable.Message}";
        }
    }

    private void CheckEntries()
    {
        for (long from = _provedUntil; from < _until && _damages.Count < MaxDamages;)
        {
            try
            {
                from = ProveFrom(from);
            }
            catch (IOException unreadable)
            {
                from = Volatile.Read(ref _provedUntil);
                long end = StartOf(_geometry.SegmentOf(from) + 1);
                if (from >= StartOf(_segments.First))
                    ReportEntries(from, end, isRead: false, $"from here on the file cannot be read: {unreadable.Message}");
                from = end;
            }
            from = Math.Max(from, StartOf(_segments.First));
            Volatile.Write(ref _provedUntil, from);
        }
    }

    /// <returns>Up to where the journal is proved, or is not there any more.</returns>
    private long ProveFrom(long from)
    {
        var scanner = new JournalScanner(_files, from, nextSequence: -1);
        while (_damages.Count < MaxDamages)
        {
            while (scanner.MoveNext())
            {
                if (scanner.Address >= _until)
                    return _until;
                Volatile.Write(ref _provedUntil, scanner.Address);
            }
            // The last segment may end with a page that was left early.
            if (JournalGeometry.RoundUpToSector(scanner.EndAddress) >= _until || scanner.NextSequence >= _nextSequence)
                break;
            bool goesOn = scanner.TryResume(out long next) && next < _until;
            long kept = StartOf(_segments.First);
            if (kept > scanner.EndAddress)
                return kept;
            ReportEntries(scanner.EndAddress, goesOn ? next : _until, isRead: true, JournalSurvey.NotWhole);
            if (!goesOn)
                break;
        }
        return _until;
    }

    private void ReportEntries(long from, long until, bool isRead, string what)
    {
        Report(new LogDamage(
            _files.PathOf(_geometry.SegmentOf(from)), from, _geometry.OffsetInSegment(from), until - from, what));
        _damaged(from, until, isRead);
    }

    private void Report(LogDamage damage)
    {
        _damages = _damages.Add(damage);
        _logger.Damaged(damage.File, damage.FileOffset, damage.Address, damage.What, _dataDirectory);
    }

    private long StartOf(int segment) => Math.Max(_geometry.StartOf(segment), JournalGeometry.FirstAddress);
}
