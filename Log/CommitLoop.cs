using FASTER.core;
using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Group commit. While anything is unsynced one commit is under way; what is appended meanwhile goes with the
/// next, and with the pages that FASTER writes by itself when they are full: under load these follow each other without a
/// commit between, which would only cut one of them in two. There is no timer and no thread of its own: an append to an idle
/// journal starts its commit at once, and the writer thread that finishes the last write starts the next commit, then tells
/// the partitions what became durable.</summary>
internal sealed class CommitLoop
{
    private const long Starting = long.MaxValue;

    private readonly FasterLog _log;
    private readonly JournalDevice _device;
    private readonly Action<LogStoreException> _fail;
    private readonly DurableQueue _queue = new();
    private readonly object _waiters = new();
    private int _busy;
    private long _target = Starting;
    private int _drainsWanted;
    private int _waiterCount;
    private bool _stopped;

    public CommitLoop(FasterLog log, JournalDevice device, Action<LogStoreException> fail)
    {
        _log = log;
        _device = device;
        _fail = fail;
    }

    /// <summary>Notes what becomes durable with an entry. In the order of the journal, under its append lock.</summary>
    public void Track(in DurableMark mark) => _queue.Enqueue(mark);

    /// <summary>Commits unless a commit is under way, which then takes care of what was appended.</summary>
    public void Start()
    {
        if (Volatile.Read(ref _busy) != 0 || Interlocked.CompareExchange(ref _busy, 1, 0) != 0 || Commit())
            return;
        // An entry can be on the disk, with the commit of another, before it is tracked: then no flush is to come that tells
        // of it. Told on another thread, for the caller may hold locks.
        ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.NotifyDurable(), this, preferLocal: false);
    }

    /// <summary>More is on the disk: what was appended meanwhile is next.</summary>
    public void GoOn()
    {
        if (TryFinishCommit())
            Commit();
    }

    /// <summary>Tells of what is on the disk. May wait for the locks of who is told.</summary>
    public void Notify()
    {
        NotifyDurable();
        if (Volatile.Read(ref _waiterCount) > 0)
        {
            lock (_waiters)
                Monitor.PulseAll(_waiters);
        }
    }

    /// <summary>Blocks until everything below an address is on the disk.</summary>
    /// <returns>False when it never will be.</returns>
    public bool WaitUntil(long address)
    {
        lock (_waiters)
        {
            Interlocked.Increment(ref _waiterCount);
            while (_log.FlushedUntilAddress < address && !_stopped)
                Monitor.Wait(_waiters);
            Interlocked.Decrement(ref _waiterCount);
            return _log.FlushedUntilAddress >= address;
        }
    }

    /// <summary>Nothing more becomes durable.</summary>
    public void Stop()
    {
        lock (_waiters)
        {
            _stopped = true;
            Monitor.PulseAll(_waiters);
        }
    }

    /// <summary>Called by the one who made the loop busy, or finished a commit.</summary>
    /// <returns>False when all is on the disk: no flush is to come.</returns>
    private bool Commit()
    {
        while (!Volatile.Read(ref _stopped))
        {
            long target = _log.TailAddress;
            if (_log.FlushedUntilAddress >= target)
            {
                Volatile.Write(ref _busy, 0);
                // An append that came after the tail was read saw the loop busy and relied on it.
                if (_log.TailAddress == target || Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
                    return false;
                continue;
            }
            Interlocked.Exchange(ref _target, target);
            try
            {
                _log.Commit();
            }
            catch (Exception failure) when (failure is CommitFailureException or FasterException)
            {
                _fail(new LogStoreException($"The journal could not be committed: {failure.Message}", failure));
                return true;
            }
            // A flush that ended before the target was set found nothing to finish.
            if (!TryFinishCommit())
                return true;
        }
        return true;
    }

    private bool TryFinishCommit()
    {
        // Who ends the last write finds that no other is under way, and all that the others put on the disk.
        if (_device.IsWriting)
            return false;
        long target = Interlocked.Read(ref _target);
        return _log.FlushedUntilAddress >= target
            && Interlocked.CompareExchange(ref _target, Starting, target) == target;
    }

    /// <summary>One thread notifies at a time, so that a partition hears of its ends in order; who comes meanwhile leaves it
    /// the work.</summary>
    private void NotifyDurable()
    {
        if (Interlocked.Increment(ref _drainsWanted) != 1)
            return;
        int seen;
        do
        {
            seen = Volatile.Read(ref _drainsWanted);
            _queue.Drain(_log.FlushedUntilAddress);
        }
        while (Interlocked.Add(ref _drainsWanted, -seen) != 0);
    }
}
