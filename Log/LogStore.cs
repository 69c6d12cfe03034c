using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>The logs of a data directory: <c>lock</c> and the directory <c>journal</c> with the journal's files, their indexes
/// and the checkpoint.</summary>
public sealed class LogStore : ILogStore
{
    private readonly ConcurrentDictionary<PartitionKey, PartitionLog> _partitions = new();
    private readonly Meter _meter = new("Loire");
    private readonly DirectoryLock _lock;
    private readonly SegmentTable _segments;
    private readonly PartitionContext _context;
    private readonly Journal _journal;
    private readonly Checkpointer _checkpointer;
    private readonly JournalScrubber _scrubber;
    private readonly DamagedLogs _damaged = new();
    private readonly ILogger _logger;
    private int _nextHandle;
    private bool _closed;

    private LogStore(LogStoreOptions options, DirectoryLock directoryLock, ILogger logger)
    {
        var watch = Stopwatch.StartNew();
        _lock = directoryLock;
        _logger = logger;
        DataDirectory = options.DataDirectory;
        MaxBatchBytes = options.MaxBatchBytes;
        Checkpointer? checkpointer = null;
        _segments = new SegmentTable(() => checkpointer?.WantTrim());
        _context = new PartitionContext(_segments, MaxBatchBytes, Forget);

        var directory = JournalDirectory.Open(options, logger);
        var checkpoint = Checkpoint.TryRead(directory.Path) ?? directory.FirstCheckpoint();
        var recovery = new Recovery(directory.Files, _context, logger);
        recovery.Run(checkpoint);
        _journal = new Journal(directory.Files, directory.MemoryBytes, recovery.Tail, recovery.NextSequence);
        _context.Journal = _journal;
        _nextHandle = recovery.NextHandle;
        foreach (var partition in recovery.Partitions)
            _partitions[PartitionKey.Of(partition.Partition)] = partition;

        var thinner = new SegmentThinner(directory.Files, _segments, segment => _scrubber!.IsDoneWith(segment), logger);
        _checkpointer = checkpointer = new Checkpointer(
            _journal, _segments, thinner, checkpoint, () => _partitions.Values, logger);
        foreach (var full in recovery.Full)
            _checkpointer.Add(full);
        _journal.SegmentFull = _ => OnSegmentFull();
        _journal.OnFailed = OnFailed;
        _journal.Allocator.FoundNoRoom = _checkpointer.WantTrim;
        _journal.Allocator.RefusalChanged = () => FailureChanged?.Invoke();
        _journal.Begin();
        _damaged.AddLost(recovery.Partitions, LossFile.Read(directory.Path));
        _scrubber = new JournalScrubber(
            directory.Files,
            _segments,
            DataDirectory,
            checkpoint,
            (from, until, isRead) => _damaged.AddDamaged(_partitions.Values, from, until, isRead),
            logger);
        _checkpointer.Start();
        logger.Opened(
            DataDirectory, _partitions.Count, recovery.Begin, recovery.Tail, recovery.ReplayedBytes, watch.ElapsedMilliseconds);
        _meter.CreateObservableGauge(
            "loire.log.damages", () => Damages.Count, "{place}", "Places of the log found damaged since the start");
        _meter.CreateObservableGauge(
            "loire.log.unproved", () => UnprovedBytes, "By", "Bytes of the log that were not proved since the start");
    }

    public string DataDirectory { get; }
    public int MaxBatchBytes { get; }
    public LogStoreException? Failure => _journal.Failure ?? _journal.Allocator.Refusal;

    /// <inheritdoc/>
    public event Action? FailureChanged;

    /// <summary>Damage found since the start in what the start did not read. All else is served.</summary>
    public IReadOnlyList<LogDamage> Damages => _scrubber.Damages;

    /// <summary>The same in one line, with what to do; null where there is none.</summary>
    public string? DamageSummary => Damages is [var first, ..] damages
        ? $"{damages.Count} damaged place(s) in the log, the first at byte {first.FileOffset} of {first.File}; " +
            $"stop the broker and see 'loire log verify {DataDirectory}'"
        : null;

    public IReadOnlyCollection<TopicIdPartition> DamagedPartitions => _damaged.Partitions;

    /// <summary>Bytes of the journal that were not read since the start, and are about to be proved.</summary>
    public long UnprovedBytes => _scrubber.LeftBytes;

    public IReadOnlyCollection<TopicIdPartition> Partitions =>
        _partitions.Values.Select(partition => partition.Partition).ToArray();

    /// <summary>Opens a data directory, creating it where there is none, and recovers what is in it.</summary>
    /// <exception cref="LogStoreException">It is in use, damaged, of a newer format or not a log's, or cannot be written
    /// to.</exception>
    public static LogStore Open(LogStoreOptions options)
    {
        options.Validate();
        var directoryLock = DirectoryLock.CreateAndTake(options.DataDirectory);
        try
        {
            return new LogStore(options, directoryLock, options.LoggerFactory.CreateLogger<LogStore>());
        }
        catch (Exception)
        {
            directoryLock.Dispose();
            throw;
        }
    }

    public IPartitionLog Open(TopicIdPartition partition, IPartitionLogObserver observer)
    {
        var log = _partitions.TryGetValue(PartitionKey.Of(partition), out var known) ? known : Create(partition);
        log.Replay(observer);
        if (_journal.Failure is { } failure)
            observer.OnFailed(failure);
        return log;
    }

    public void Delete(TopicIdPartition partition)
    {
        if (_partitions.TryGetValue(PartitionKey.Of(partition), out var log))
            log.Delete();
    }

    public ValueTask WaitForSpaceAsync(CancellationToken cancellationToken) => _journal.Space.WaitAsync(cancellationToken);

    public LogStoreSpace GetSpace()
    {
        var drive = new DriveInfo(Path.GetFullPath(DataDirectory));
        return new LogStoreSpace(drive.TotalSize, drive.AvailableFreeSpace);
    }

    /// <summary>Syncs what was appended and takes a checkpoint, so that the next start replays nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, true))
            return;
        await Task.Run(Close).ConfigureAwait(false);
    }

    private void Close()
    {
        _meter.Dispose();
        _scrubber.Dispose();
        _checkpointer.Stop(SealLast);
        _journal.Dispose();
        _segments.Dispose();
        _lock.Dispose();
    }

    private PartitionLog Create(TopicIdPartition partition)
    {
        byte[] payload = PartitionName.Encode(partition);
        while (true)
        {
            lock (_journal.AppendLock)
            {
                if (_partitions.TryGetValue(PartitionKey.Of(partition), out var known))
                    return known;
                if (_journal.TryAppend(EntryKind.Create, _nextHandle, payload, default, out _))
                {
                    var log = new PartitionLog(
                        _context, new PartitionState(_nextHandle++, partition, 0, 0, 0, ObserverSnapshot.None));
                    log.ApplyCreate();
                    _partitions[PartitionKey.Of(partition)] = log;
                    _journal.Commits.Start();
                    return log;
                }
            }
            _journal.Space.WaitAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
    }

    private void Forget(PartitionLog partition) =>
        _partitions.TryRemove(new(PartitionKey.Of(partition.Partition), partition));

    private void OnSegmentFull()
    {
        int next = _segments.Current.Number + 1;
        _checkpointer.Add(SealCurrent(_journal.Geometry.StartOf(next)));
        _segments.Begin(next);
    }

    private SealedSegment? SealLast()
    {
        lock (_journal.AppendLock)
        {
            _journal.Close();
            return _journal.Failure is null
                ? SealCurrent(JournalGeometry.RoundUpToSector(_journal.TailAddress))
                : null;
        }
    }

    private SealedSegment SealCurrent(long until)
    {
        var current = _segments.Current;
        var partitions = current.Touched.Select(partition => partition.Seal(current)).ToList();
        return new SealedSegment(current, until, _journal.NextSequence, partitions);
    }

    private void OnFailed(LogStoreException failure)
    {
        // What the disk refused is said in one line; anything else is a fault of ours, and its stack is wanted.
        _logger.Failed(failure.Message, failure.InnerException is IOException ? null : failure);
        foreach (var partition in _partitions.Values)
            partition.Observer?.OnFailed(failure);
        FailureChanged?.Invoke();
    }

    /// <summary>The name is left out: it may change, the id does not.</summary>
    private readonly record struct PartitionKey(TopicId Topic, PartitionIndex Partition)
    {
        public static PartitionKey Of(TopicIdPartition partition) => new(partition.TopicId, partition.Partition);
    }
}
