using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Groups;

/// <summary>The part of the driver that owns the log: loads the core from it, then appends what the core writes, until
/// the core is dropped.</summary>
public sealed partial class GroupCoordinator
{
    // Of the loop alone.
    private readonly CoordinatorBatch _batch = new();
    private readonly Queue<CoordinatorWrite> _writing = [];
    private readonly List<(CoordinatorWrite Write, int Count)> _inBatch = [];
    private int _written;
    private CoordinatorSnapshot? _snapshot;
    private long _bytesSinceSnapshot;
    private long _liveBytes;
    private bool _hasUnknownRecords;

    private async Task RunAsync()
    {
        try
        {
            while (!_closing.IsCancellationRequested)
                await WriteAsync(await LoadAsync());
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            LogFailed(_logger, failure);
            var step = new CoordinatorStep(Now());
            lock (_lock)
                Drop(ErrorCode.NotCoordinator, step);
            Deliver(step);
        }
        finally
        {
            _batch.Dispose();
            _loaded.TrySetResult();
        }
    }

    private async Task<GroupCoordinatorCore> LoadAsync()
    {
        var core = new GroupCoordinatorCore(_configs);
        _hasUnknownRecords = false;
        await _log.ReplayAsync(batches => Replay(core, batches), _closing.Token);
        _writing.Clear();
        _written = 0;
        _snapshot = null;
        _liveBytes = 0;
        _bytesSinceSnapshot = _log.SizeBytes;

        var step = new CoordinatorStep(Now());
        lock (_lock)
        {
            _closing.Token.ThrowIfCancellationRequested();
            core.Loaded(step);
            (_core, _unavailable, _armedMs) = (core, ErrorCode.None, null);
            Take(step);
        }
        Deliver(step);
        _loaded.TrySetResult();
        return core;
    }

    /// <summary>Appends what the core writes, one batch at a time, until the core is another.</summary>
    private async Task WriteAsync(GroupCoordinatorCore core)
    {
        while (true)
        {
            var refused = new CoordinatorStep(Now());
            lock (_lock)
            {
                if (_core != core)
                    return;
                while (_queue.TryDequeue(out var write))
                    _writing.Enqueue(write);
                Fill(core, refused);
                Take(refused);
            }
            Deliver(refused);
            if (_batch.Count == 0)
            {
                await _wake.WaitAsync(_closing.Token);
                continue;
            }
            if (!await AppendAsync(core))
                return;
        }
    }

    /// <returns>False where the core was dropped.</returns>
    private async Task<bool> AppendAsync(GroupCoordinatorCore core)
    {
        var bytes = _batch.Build();
        var error = ErrorCode.None;
        var offset = Offset.None;
        try
        {
            offset = await _log.AppendAsync(bytes, _closing.Token);
        }
        catch (KafkaException refusal)
        {
            error = refusal.Code;

            // A log that refuses must not be asked again at once: the next snapshot waits for as much growth again.
            if (_snapshot is not null)
                (_snapshot, _bytesSinceSnapshot) = (null, 0);
        }
        catch (CoordinatorLogException lost)
        {
            LogWriteLost(_logger, lost);
            var dropped = new CoordinatorStep(Now());
            lock (_lock)
            {
                if (_core == core)
                    Reset(dropped);
            }
            Deliver(dropped);
            return false;
        }
        if (error == ErrorCode.None)
            _bytesSinceSnapshot += bytes.Length;
        var wasSettled = Run((current, step) =>
        {
            if (current == core)
                Settle(core, error, step);
        }) == ErrorCode.None;
        if (error == ErrorCode.None)
            Advance(offset);
        return wasSettled;
    }

    /// <summary>Fills the next batch: first what a snapshot has to write, for it is older. With the lock held.</summary>
    private void Fill(GroupCoordinatorCore core, CoordinatorStep refused)
    {
        _inBatch.Clear();
        _batch.MaxBytes = _log.MaxBatchBytes;
        var nowMs = refused.Now.UnixMs;
        if (_snapshot is null && _bytesSinceSnapshot > Math.Max(_snapshotBytes, SnapshotFactor * _liveBytes) && !_hasUnknownRecords)
            _snapshot = new CoordinatorSnapshot(core.DurableKeys());
        _snapshot?.AddTo(_batch, core, nowMs);

        while (_writing.TryPeek(out var write))
        {
            var first = _written;
            var error = ErrorCode.None;
            while (_written < write.Records.Count && error == ErrorCode.None)
            {
                error = _batch.TryAdd(write.Records[_written], nowMs);
                if (error == ErrorCode.None)
                    _written++;
            }
            if (_written > first)
                _inBatch.Add((write, _written - first));
            if (error == ErrorCode.MessageTooLarge && _batch.Count > 0)
                return;
            if (error != ErrorCode.None && _written > first)
                return;
            _writing.Dequeue();
            _written = 0;
            if (error != ErrorCode.None)
                core.Refused(write, CoordinatorErrors.FromAppend(error), refused);
        }
    }

    /// <summary>Tells the core what became of the batch. With the lock held.</summary>
    private void Settle(GroupCoordinatorCore core, ErrorCode error, CoordinatorStep step)
    {
        foreach (var (write, count) in _inBatch)
        {
            if (error == ErrorCode.None)
            {
                core.Committed(write, count, step);
                continue;
            }
            core.Refused(write, CoordinatorErrors.FromAppend(error), step);
            if (_writing.TryPeek(out var unfinished) && unfinished == write)
            {
                _writing.Dequeue();
                _written = 0;
            }
        }
    }

    private void Advance(Offset committed)
    {
        if (_snapshot is null)
            return;
        _snapshot.Start ??= committed;
        if (!_snapshot.IsComplete)
            return;
        LogSnapshot(_logger, _snapshot.Start.Value, _snapshot.WrittenBytes);
        _liveBytes = _snapshot.WrittenBytes;
        _bytesSinceSnapshot = _liveBytes;
        _log.AdvanceLogStart(_snapshot.Start.Value);
        _snapshot = null;
    }

    private void Replay(GroupCoordinatorCore core, ReadOnlyMemory<byte> batches)
    {
        var now = Now();
        var reader = new RecordBatchReader(new ReadOnlySequence<byte>(batches));
        while (reader.TryRead(out var header, out var payload))
        {
            if (header.IsControl)
                continue;
            using var records = new RecordReader(header, payload);
            while (records.TryRead(out var record))
            {
                if (CoordinatorRecordCodec.Decode(record.Key, record.Value) is { } known)
                    core.Replay(known, now);
                else
                    _hasUnknownRecords = true;
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The group coordinator cannot use its log and takes no requests")]
    private static partial void LogFailed(ILogger logger, Exception failure);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The fate of a batch of the group coordinator is not known; its state is loaded again")]
    private static partial void LogWriteLost(ILogger logger, Exception failure);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The coordinator's log starts at {Start} now; its live state takes {Bytes} bytes")]
    private static partial void LogSnapshot(ILogger logger, Offset start, long bytes);
}
