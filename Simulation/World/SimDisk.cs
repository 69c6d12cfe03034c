using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>A broker's journal: entries of all its partitions in one order. A sync makes durable what was there when it
/// began; a crash keeps what is durable and, as a real disk may, some of what follows. It may break, which is final, and be
/// full for a while.</summary>
internal sealed class SimDisk : ILogStore
{
    public const int UsualSyncMaxMs = 5;
    private const int LateMaxMs = 50;

    private readonly EventLoop _loop;
    private readonly Random _random;
    private readonly List<JournalEntry> _entries = [];
    private readonly Dictionary<TopicIdPartition, SimLog> _logs = [];
    private int _durable;
    private bool _isSyncing;
    private LogStoreException? _broken;

    /// <param name="number">How many disks the broker had before this one.</param>
    public SimDisk(EventLoop loop, Random random, int number)
    {
        _loop = loop;
        _random = random;
        Number = number;
        Room = new SimRoom(loop, random) { RefusalChanged = () => FailureChanged?.Invoke() };
    }

    public int Number { get; }
    public string DirectoryId => $"disk {Number}";

    /// <summary>Told after each sync.</summary>
    public Action? Synced { get; set; }
    public int SyncMaxMs { get; set; } = UsualSyncMaxMs;
    public bool IsDead { get; private set; }
    public string DataDirectory => "simulated";
    public int MaxBatchBytes => 1 << 20;
    public LogStoreException? Failure => _broken ?? Room.Refusal;
    public bool IsBroken => _broken is not null;
    public SimRoom Room { get; }
    public IReadOnlyCollection<TopicIdPartition> Partitions => _logs.Keys;
    public int EntryCount => _entries.Count;

    public event Action? FailureChanged;

    public SimLog? Find(TopicIdPartition partition) => _logs.GetValueOrDefault(partition);

    public IPartitionLog Open(TopicIdPartition partition, IPartitionLogObserver observer)
    {
        var log = LogOf(partition);
        log.Observe(observer, _entries);
        return log;
    }

    public void Delete(TopicIdPartition partition) => throw new NotSupportedException();

    public ValueTask WaitForSpaceAsync(CancellationToken cancellationToken) => Room.WaitAsync();

    public LogStoreSpace GetSpace() => new(1, 1);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <returns>False where a batch is worth trying again when somebody has looked for room.</returns>
    public bool TryAdd(in JournalEntry entry)
    {
        if (_broken is { } failure) throw new LogStoreException(failure.Message);
        if (entry.Kind == EntryKind.Append && !Room.AdmitsBatch()) return false;
        _entries.Add(entry);
        if (!_isSyncing) StartSync();
        return true;
    }

    /// <summary>A write or sync failed: nothing more becomes durable.</summary>
    public void Fail()
    {
        _broken = new LogStoreException("simulated disk failure");
        Room.Close();
        foreach (var log in _logs.Values) log.OnFailed(_broken);
        FailureChanged?.Invoke();
    }

    /// <summary>What the next process finds.</summary>
    public SimDisk Crash()
    {
        Die();
        var next = new SimDisk(_loop, _random, Number) { SyncMaxMs = SyncMaxMs };
        if (Room.IsFull) next.Room.Fill();
        var kept = _durable + (_random.Next(2) == 0 ? 0 : _random.Next(0, _entries.Count - _durable + 1));
        foreach (var (partition, log) in _logs)
        {
            if (log.Checkpoint is { } checkpoint) next.LogOf(partition).Checkpoint = checkpoint;
        }

        for (var i = 0; i < kept; i++)
        {
            var entry = _entries[i] with { Log = next.LogOf(_entries[i].Log.Partition) };
            next._entries.Add(entry);
            entry.Log.Redo(entry);
        }

        next._durable = kept;
        return next;
    }

    /// <summary>What a process finds whose disk was replaced.</summary>
    public SimDisk Replace()
    {
        Die();
        return new SimDisk(_loop, _random, Number + 1) { SyncMaxMs = SyncMaxMs };
    }

    private void Die()
    {
        IsDead = true;
        Room.Abandon();
    }

    private SimLog LogOf(TopicIdPartition partition)
    {
        if (!_logs.TryGetValue(partition, out var log)) _logs[partition] = log = new SimLog(this, partition);
        return log;
    }

    private void StartSync()
    {
        _isSyncing = true;
        var end = _entries.Count;
        _loop.After(_random.Next(1, SyncMaxMs + 1), () => EndSync(end));
    }

    private void EndSync(int end)
    {
        if (IsDead || IsBroken) return;
        _isSyncing = false;
        var touched = new List<SimLog>();
        for (; _durable < end; _durable++)
        {
            var entry = _entries[_durable];
            entry.Log.MakeDurable(entry);
            if (!touched.Contains(entry.Log)) touched.Add(entry.Log);
        }

        if (_durable < _entries.Count) StartSync();
        else if (!Room.IsFull && _random.Next(50) == 0) touched.ForEach(log => log.MakeCheckpoint(_entries.Count));
        foreach (var log in touched) TellDurable(log, log.DurableEndOffset);
        Synced?.Invoke();
    }

    /// <summary>The thread that synced may be held up on its way to the replica.</summary>
    private void TellDurable(SimLog log, Offset durableEnd)
    {
        if (_random.Next(4) != 0)
        {
            log.TellDurable(durableEnd);
            return;
        }

        _loop.After(_random.Next(1, LateMaxMs + 1), () =>
        {
            if (!IsDead && !IsBroken) log.TellDurable(durableEnd);
        });
    }
}
