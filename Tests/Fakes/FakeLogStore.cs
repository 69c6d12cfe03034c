using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Tests.Fakes;

/// <summary>Logs in memory. What is appended is durable at once, unless <see cref="HoldDurability"/> is set: then when
/// the test says <see cref="Sync"/>. Survives "restarts": <see cref="Restart"/> gives a store with what was durable.</summary>
public sealed class FakeLogStore : ILogStore
{
    private readonly Dictionary<TopicIdPartition, FakePartitionLog> _logs = [];
    private readonly Lock _lock = new();
    private TaskCompletionSource? _space;
    private int _openReads;

    public string DataDirectory => "/fake";
    public int MaxBatchBytes { get; init; } = 16 << 20;
    public LogStoreException? Failure { get; private set; }

    public event Action? FailureChanged;

    /// <summary>Appended batches stay volatile until <see cref="Sync"/>.</summary>
    public bool HoldDurability { get; set; }

    /// <summary>Appends find the journal's buffer full.</summary>
    public bool IsFull => _space is not null;

    /// <summary>How often somebody waits for space.</summary>
    public int SpaceWaiters { get; private set; }

    /// <summary>Reads that were given out and not yet released.</summary>
    public int OpenReads => Volatile.Read(ref _openReads);

    public IReadOnlyCollection<TopicIdPartition> Partitions
    {
        get
        {
            lock (_lock) return [.. _logs.Keys];
        }
    }

    public IPartitionLog Open(TopicIdPartition partition, IPartitionLogObserver observer)
    {
        FakePartitionLog log;
        lock (_lock)
        {
            if (!_logs.TryGetValue(partition, out log!)) _logs[partition] = log = new FakePartitionLog(this, partition);
        }

        log.Replay(observer);
        return log;
    }

    public void Delete(TopicIdPartition partition)
    {
        lock (_lock) _logs.Remove(partition);
    }

    public async ValueTask WaitForSpaceAsync(CancellationToken cancellationToken)
    {
        Task space;
        lock (_lock)
        {
            if (_space is null) return;
            SpaceWaiters++;
            space = _space.Task;
        }

        await space.WaitAsync(cancellationToken);
    }

    public LogStoreSpace GetSpace() => new(1L << 40, 1L << 39);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public void Fill()
    {
        lock (_lock) _space ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Drain()
    {
        TaskCompletionSource? space;
        lock (_lock)
        {
            space = _space;
            _space = null;
        }

        space?.TrySetResult();
    }

    /// <summary>One group commit: everything appended so far becomes durable.</summary>
    public void Sync()
    {
        FakePartitionLog[] logs;
        lock (_lock) logs = [.. _logs.Values];
        foreach (var log in logs) log.Sync();
    }

    /// <summary>A sync failed: nothing volatile will become durable.</summary>
    public void Fail(string message = "no space left on device")
    {
        Failure = new LogStoreException(message);
        FakePartitionLog[] logs;
        lock (_lock) logs = [.. _logs.Values];
        foreach (var log in logs) log.Fail(Failure);
        Drain();
        FailureChanged?.Invoke();
    }

    /// <summary>Records are refused, or taken again, as on a disk that is full for a while.</summary>
    public void Refuse(bool refuses)
    {
        Failure = refuses ? new LogStoreException("no space left on device") : null;
        FailureChanged?.Invoke();
    }

    /// <summary>Makes a checkpoint: later openings restore it and replay what came after.</summary>
    public void Checkpoint()
    {
        FakePartitionLog[] logs;
        lock (_lock) logs = [.. _logs.Values];
        foreach (var log in logs) log.Checkpoint();
    }

    /// <summary>What a new process finds after this one was killed: all that was durable.</summary>
    public FakeLogStore Restart()
    {
        var next = new FakeLogStore { MaxBatchBytes = MaxBatchBytes };
        lock (_lock)
        {
            foreach (var (partition, log) in _logs) next._logs[partition] = log.Recover(next);
        }

        return next;
    }

    internal IRecordsSource Give(IReadOnlyList<byte[]> batches)
    {
        Interlocked.Increment(ref _openReads);
        return new FakeRecordsSource(batches, () => Interlocked.Decrement(ref _openReads));
    }
}
