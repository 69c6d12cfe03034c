using System.Runtime.InteropServices;
using Loire.Broker.Ports;
using Microsoft.Extensions.Logging;

namespace Loire.Log;

/// <summary>Takes checkpoints, on a thread of its own: each time a segment is full, and when the store is closed. Writes the
/// segment's index file, asks the owners of the partitions touched for their state, writes the checkpoint, then gives
/// back the segments at the journal's head that nothing needs any more, and of the others what is dead. On a full disk
/// the checkpoint is put off, and what gives space back, which needs none, is tried again and again.</summary>
internal sealed class Checkpointer
{
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(5);

    private readonly Journal _journal;
    private readonly SegmentTable _segments;
    private readonly SegmentThinner _thinner;
    private readonly DiskReserve _reserve;
    private readonly Func<IEnumerable<PartitionLog>> _logs;
    private readonly ILogger _logger;
    private readonly Dictionary<int, PartitionState> _states = [];
    private readonly Queue<SealedSegment> _sealed = new();

    /// <summary>Segments that the next checkpoint is to cover.</summary>
    private readonly List<SealedSegment> _uncovered = [];
    private readonly Thread _thread;
    private long _until;
    private int _nextHandle;
    private bool _trimWanted;
    private bool _isPutOff;
    private Func<SealedSegment?>? _sealLast;

    /// <param name="logs">Of all partitions there are.</param>
    public Checkpointer(
        Journal journal,
        SegmentTable segments,
        SegmentThinner thinner,
        Checkpoint last,
        Func<IEnumerable<PartitionLog>> logs,
        ILogger logger)
    {
        _journal = journal;
        _segments = segments;
        _thinner = thinner;
        _reserve = new DiskReserve(journal.Files);
        _logs = logs;
        _logger = logger;
        _until = last.Until;
        _nextHandle = last.NextHandle;
        foreach (var state in last.Partitions)
            _states[state.Handle] = state;
        _thread = new Thread(Run) { IsBackground = true, Name = "journal checkpoints" };
    }

    public void Start() => _thread.Start();

    public void Add(SealedSegment full)
    {
        lock (_sealed)
        {
            _sealed.Enqueue(full);
            Monitor.Pulse(_sealed);
        }
    }

    /// <summary>Looks for segments to give back.</summary>
    public void WantTrim()
    {
        lock (_sealed)
        {
            _trimWanted = true;
            Monitor.Pulse(_sealed);
        }
    }

    /// <summary>Finishes what was added, then takes a last checkpoint of where the journal ends.</summary>
    /// <param name="sealLast">Closes the journal and tells what its last segment holds; null where that cannot be
    /// had.</param>
    public void Stop(Func<SealedSegment?> sealLast)
    {
        lock (_sealed)
        {
            _sealLast = sealLast;
            Monitor.Pulse(_sealed);
        }
        _thread.Join();
    }

    private bool LacksRoom => _isPutOff || _journal.Allocator.LacksRoom;

    private void Run()
    {
        try
        {
            RestartThinning();
            _reserve.Hold(!LacksRoom);
            while (WaitForWork())
            {
                _reserve.Hold(!LacksRoom);
                TryTake();
                Trim();
                Thin();
            }
            if (_sealLast!() is { } last)
            {
                _uncovered.Add(last);
                TryTake();
            }
        }
        catch (Exception failure)
        {
            _journal.Fail(new LogStoreException(
                $"No checkpoint could be taken in {_journal.Files.Directory}: {failure.Message}. Nothing more is appended; " +
                "mend the disk and start again.", failure));
        }
    }

    /// <returns>False when the store is being closed and everything added was seen to.</returns>
    private bool WaitForWork()
    {
        lock (_sealed)
        {
            while (_sealed.Count == 0 && !_trimWanted && !_thinner.HasMore && _sealLast is null)
            {
                if (!Monitor.Wait(_sealed, LacksRoom ? TryAgainAfter : Timeout.InfiniteTimeSpan))
                    break;
            }
            if (_sealed.Count == 0 && _sealLast is not null)
                return false;
            _trimWanted = false;
            _uncovered.AddRange(_sealed);
            _sealed.Clear();
            return true;
        }
    }

    private void TryTake()
    {
        if (_uncovered.Count == 0)
            return;
        try
        {
            Take(_uncovered);
            _uncovered.Clear();
            _isPutOff = false;
        }
        catch (IOException full) when (NativeFile.IsDiskFull(full))
        {
            if (!_isPutOff)
                _logger.CheckpointPutOff(_journal.Files.Directory, full.Message);
            _isPutOff = true;
        }
    }

    private void Take(List<SealedSegment> work)
    {
        // At the end of a closed store the last address is rounded up past the tail.
        if (!_journal.Commits.WaitUntil(Math.Min(work[^1].Until, _journal.TailAddress)))
            return;
        // The end of a full segment may still be under way, for all that is appended to it is on the disk.
        _journal.Files.EndWritesBefore(_journal.Geometry.SegmentOf(_journal.DurableUntil));
        foreach (var full in work)
        {
            WriteIndex(full);
            foreach (var partition in full.Partitions)
                Note(partition);
        }
        foreach (var log in work.SelectMany(full => full.Partitions).Select(partition => partition.Log).Distinct())
        {
            if (_states.TryGetValue(log.Handle, out var state) && log.TakeSnapshot() is { } snapshot)
                _states[log.Handle] = state with { Snapshot = snapshot };
        }
        // A snapshot may cover batches that are not on the disk yet; a checkpoint must not know more than the journal.
        if (!_journal.Commits.WaitUntil(_journal.TailAddress))
            return;

        _until = work[^1].Until;
        var checkpoint = new Checkpoint(_until, work[^1].NextSequence, _segments.First, _nextHandle, _states.Values);
        checkpoint.Write(_journal.Files.Directory);
        RestartThinning();
        _logger.CheckpointTaken(_until, _states.Count);
    }

    private void Thin()
    {
        if (_journal.Failure is not null)
            return;
        if (LacksRoom && !_thinner.HasMore)
            RestartThinning();
        _thinner.Step();
        if (LacksRoom)
            _journal.Allocator.TryAgain();
    }

    private void RestartThinning()
    {
        var logStarts = _logs().ToDictionary(log => log.Handle, log => log.LogStartOffset.Value);
        // What a crash could take back is not dead yet.
        if (_journal.Commits.WaitUntil(_journal.TailAddress))
            _thinner.Restart(logStarts, _journal.Geometry.SegmentOf(_until));
    }

    private void WriteIndex(SealedSegment full)
    {
        if (full.Segment.Index?.CoversUntil == full.Until)
            return;
        var records = new List<SegmentIndexRecord>(full.Partitions.Count);
        var entries = new List<IndexEntry>();
        foreach (var partition in full.Partitions)
        {
            records.Add(partition.Record with { FirstEntry = entries.Count });
            entries.AddRange(partition.Entries.Span);
        }
        string path = SegmentIndexFile.PathOf(_journal.Files.PathOf(full.Segment.Number));
        var file = SegmentIndexFile.Write(
            path, full.Segment.Number, full.Until, CollectionsMarshal.AsSpan(records), CollectionsMarshal.AsSpan(entries));

        full.Segment.Index?.Dispose();
        full.Segment.Index = file;
        for (int i = 0; i < records.Count; i++)
        {
            if (full.Partitions[i].Block is { } block)
                full.Partitions[i].Log.MoveToFile(block, file, records[i].FirstEntry);
        }
    }

    private void Note(SealedPartition partition)
    {
        _nextHandle = Math.Max(_nextHandle, partition.Log.Handle + 1);
        if (partition.State is { } state)
            _states[state.Handle] = state;
        else
            _states.Remove(partition.Log.Handle);
    }

    /// <summary>Removes dead segments at the head, oldest first. What made them dead is durable first, and so is the entry that
    /// tells recovery that their files are gone on purpose.</summary>
    private void Trim()
    {
        int limit = _journal.Geometry.SegmentOf(_until);
        if (_journal.Failure is not null || _segments.FindDead(limit) is not { } dead)
            return;
        while (_segments.FindDead(limit) is { } next)
        {
            dead = next;
            WriteHead(dead.Number + 1);
            string path = _journal.Files.PathOf(dead.Number);
            _segments.RemoveFirst();
            File.Delete(SegmentIndexFile.PathOf(path));
            _journal.Files.Remove(dead.Number);
            _logger.SegmentRemoved(path);
        }
        NativeFile.SyncDirectory(_journal.Files.Directory);
    }

    private void WriteHead(int firstSegment)
    {
        byte[] payload = BitConverter.GetBytes(firstSegment);
        while (true)
        {
            lock (_journal.AppendLock)
            {
                if (_journal.TryAppend(EntryKind.Head, -1, payload, default, out _))
                    break;
            }
            _journal.Space.WaitAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        _journal.Commits.Start();
        if (!_journal.Commits.WaitUntil(_journal.TailAddress))
            throw _journal.Failure!;
    }
}
