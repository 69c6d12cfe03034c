using System.Buffers.Binary;
using Loire.Broker.Ports;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>Brings the partitions back: the last checkpoint, the index files of the segments before it, and the journal's
/// entries after it. Cuts off a torn tail; anything else that is not whole stops it.</summary>
internal sealed class Recovery
{
    private readonly JournalFiles _files;
    private readonly JournalGeometry _geometry;
    private readonly PartitionContext _context;
    private readonly ILogger _logger;
    private readonly Dictionary<int, PartitionLog> _partitions = [];
    private readonly List<SealedSegment> _full = [];
    private int _firstSegment;

    public Recovery(JournalFiles files, PartitionContext context, ILogger logger)
    {
        _files = files;
        _geometry = files.Geometry;
        _context = context;
        _logger = logger;
    }

    public IReadOnlyCollection<PartitionLog> Partitions => _partitions.Values;
    public int NextHandle { get; private set; }

    /// <summary>Where the journal goes on.</summary>
    public long Tail { get; private set; }
    public long NextSequence { get; private set; }
    public long Begin { get; private set; }
    public long ReplayedBytes { get; private set; }

    /// <summary>Segments that became full after the checkpoint; the next one covers them.</summary>
    public IReadOnlyList<SealedSegment> Full => _full;

    /// <exception cref="LogStoreException">The journal is damaged.</exception>
    public void Run(Checkpoint checkpoint)
    {
        NextHandle = checkpoint.NextHandle;
        _firstSegment = checkpoint.FirstSegment;
        foreach (var state in checkpoint.Partitions)
            _partitions.Add(state.Handle, new PartitionLog(_context, state));

        int[] present = _files.List();
        int current = _geometry.SegmentOf(checkpoint.Until);
        LoadIndexes(checkpoint, present, current);
        Replay(checkpoint, present);
        RemoveOld(present);
        foreach (var partition in _partitions.Values)
            partition.FinishRecovery();
        Begin = Math.Max(_geometry.StartOf(_context.Segments.First), JournalGeometry.FirstAddress);
    }

    private void LoadIndexes(Checkpoint checkpoint, int[] present, int current)
    {
        foreach (int number in present.Where(number => number < current))
            LoadIndex(_context.Segments.Begin(number), _geometry.StartOf(number + 1), checkpoint);
        var last = _context.Segments.Begin(current);
        if (checkpoint.Until > Math.Max(_geometry.StartOf(current), JournalGeometry.FirstAddress))
            LoadIndex(last, checkpoint.Until, checkpoint);
        foreach (var partition in _partitions.Values)
            partition.FinishLoad();
    }

    private void LoadIndex(JournalSegment segment, long until, Checkpoint checkpoint)
    {
        string path = SegmentIndexFile.PathOf(_files.PathOf(segment.Number));
        var file = SegmentIndexFile.TryOpen(path, segment.Number);
        if (file is null || file.CoversUntil != until)
        {
            file?.Dispose();
            file = SegmentIndexBuilder.Rebuild(_files, segment.Number, until, path);
            _logger.IndexRebuilt(path);
        }
        bool isCurrent = segment.Number == _geometry.SegmentOf(checkpoint.Until);
        foreach (ref readonly var record in file.Records)
        {
            if (_partitions.TryGetValue(record.Partition, out var partition))
                partition.Load(segment, file, record, isCurrent);
        }
        if (isCurrent)
            file.Dispose();
        else
            segment.Index = file;
    }

    private void Replay(Checkpoint checkpoint, int[] present)
    {
        var scanner = new JournalScanner(_files, checkpoint.Until, checkpoint.NextSequence);
        while (scanner.MoveNext())
        {
            if (_geometry.SegmentOf(scanner.Address) != _context.Segments.Current.Number)
                FillSegment(scanner.Address, scanner.Entry.Sequence);
            Apply(scanner);
        }
        NextSequence = scanner.NextSequence;
        ReplayedBytes = scanner.EndAddress - checkpoint.Until;
        if (scanner.End == ScanEnd.Damage)
            throw Damaged(scanner);
        Tail = JournalGeometry.RoundUpToSector(scanner.EndAddress);
        CheckSegments(present);
        if (scanner.End == ScanEnd.TornTail)
            CutTail(scanner);
        if (_geometry.SegmentOf(Tail) != _context.Segments.Current.Number)
            FillSegment(Tail, NextSequence);
    }

    private void FillSegment(long address, long sequence)
    {
        int number = _geometry.SegmentOf(address);
        var segments = _context.Segments;
        var partitions = segments.Current.Touched.Select(partition => partition.Seal(segments.Current)).ToList();
        _full.Add(new SealedSegment(segments.Current, _geometry.StartOf(number), sequence, partitions));
        segments.Begin(number);
    }

    private void Apply(JournalScanner scanner)
    {
        var entry = scanner.Entry;
        switch (entry.Kind)
        {
            case EntryKind.Append:
                Find(scanner).ApplyAppend(scanner.Address, RecordBatchHeader.Read(scanner.Payload));
                break;
            case EntryKind.Truncate:
                Find(scanner).ApplyTruncate(BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload));
                break;
            case EntryKind.LogStart:
                Find(scanner).ApplyLogStart(BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload));
                break;
            case EntryKind.Create:
                Create(scanner);
                break;
            case EntryKind.Delete:
                Find(scanner).ApplyDelete();
                _partitions.Remove(entry.Partition);
                break;
            case EntryKind.Head:
                _firstSegment = Math.Max(_firstSegment, BinaryPrimitives.ReadInt32LittleEndian(scanner.Payload));
                break;
            case EntryKind.Cut or EntryKind.Dropped:
                break;
            default:
                throw new LogStoreException($"Entry at {scanner.Address} has the unknown kind {entry.Kind}.");
        }
    }

    private void Create(JournalScanner scanner)
    {
        int handle = scanner.Entry.Partition;
        using var reader = new BinaryReader(new MemoryStream(scanner.Payload.ToArray()));
        var partition = new PartitionLog(
            _context, new PartitionState(handle, PartitionName.Decode(reader), 0, 0, 0, ObserverSnapshot.None));
        partition.ApplyCreate();
        _partitions.Add(handle, partition);
        NextHandle = Math.Max(NextHandle, handle + 1);
    }

    private PartitionLog Find(JournalScanner scanner) =>
        _partitions.TryGetValue(scanner.Entry.Partition, out var partition)
            ? partition
            : throw new LogStoreException(
                $"{_files.PathOf(_geometry.SegmentOf(scanner.Address))}: the entry at address {scanner.Address} is of " +
                $"partition {scanner.Entry.Partition}, which the journal never created. {VerifierHint}");

    /// <summary>The bytes of the torn tail are made zeros, so that no remains of it are ever taken for entries.</summary>
    private void CutTail(JournalScanner scanner)
    {
        long dropped = scanner.DirtyUntil - scanner.EndAddress;
        _logger.TornTail(_files.PathOf(_geometry.SegmentOf(scanner.EndAddress)), scanner.EndAddress, dropped);
        for (long at = scanner.EndAddress; at < scanner.DirtyUntil;)
        {
            long segmentEnd = _geometry.StartOf(_geometry.SegmentOf(at) + 1);
            long end = Math.Min(scanner.DirtyUntil, segmentEnd);
            _files.Clear(at, end - at);
            at = end;
        }
    }

    /// <summary>Every segment from the first kept to the one with the tail must be there, and those behind it without a gap,
    /// no further than a crash leaves any: what stands in others would be taken for entries when the journal comes
    /// there.</summary>
    private void CheckSegments(int[] present)
    {
        int tail = Tail == JournalGeometry.FirstAddress ? -1 : _geometry.SegmentOf(Tail - 1);
        int last = Math.Max(tail, present.LastOrDefault(-1));
        for (int number = _firstSegment; number <= last; number++)
        {
            if (Array.BinarySearch(present, number) < 0)
                throw new LogStoreException($"{_files.PathOf(number)} is missing. {VerifierHint}");
        }
        if (last > _geometry.LastSegmentFor(Tail))
        {
            throw new LogStoreException(
                $"{_files.PathOf(last)} lies far behind the journal's end, which is at address {Tail}: what stands between is no " +
                $"whole entry. {VerifierHint}");
        }
    }

    /// <summary>Segments before the first kept are left over from a removal that was interrupted.</summary>
    private void RemoveOld(int[] present)
    {
        foreach (int old in present.Where(number => number < _firstSegment))
        {
            _context.Segments.RemoveFirst();
            File.Delete(SegmentIndexFile.PathOf(_files.PathOf(old)));
            _files.Remove(old);
        }
    }

    private LogStoreException Damaged(JournalScanner scanner) => new(
        $"{_files.PathOf(_geometry.SegmentOf(scanner.EndAddress))} is damaged at address {scanner.EndAddress} (byte " +
        $"{_geometry.OffsetInSegment(scanner.EndAddress)} of the file): what stands there is no whole entry, and entries that " +
        $"were acknowledged follow it. {VerifierHint}");

    private const string VerifierHint =
        "'loire log verify' shows what is affected, 'loire log repair' cuts it out and keeps the rest.";
}
