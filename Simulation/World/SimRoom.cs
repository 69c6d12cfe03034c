using Loire.Broker.Ports;

namespace Loire.Simulation.World;

/// <summary>Room for batches, as the journal's allocator gives it. Of a full disk what was claimed before is used up first. The
/// batch that finds nothing left waits until it has been tried once more to claim space; if in vain, batches are refused
/// until a later try succeeds. Truncations and log starts have what is kept for them.</summary>
internal sealed class SimRoom(EventLoop loop, Random random)
{
    private const int TryMaxMs = 30;
    private const int TryAgainMaxMs = 300;

    private TaskCompletionSource? _tried;
    private int _claimed;
    private bool _isClosed;

    /// <summary>Told when batches begin to be refused and when they are taken again.</summary>
    public Action? RefusalChanged { get; set; }
    public bool IsFull { get; private set; }

    /// <summary>Why batches are refused; null while they are not.</summary>
    public LogStoreException? Refusal { get; private set; }

    public void Fill()
    {
        IsFull = true;
        _claimed = random.Next(4);
    }

    public void Free() => IsFull = false;

    /// <summary>The disk broke: who waits learns of it.</summary>
    public void Close()
    {
        _isClosed = true;
        LetGo();
    }

    /// <summary>The process is gone: who waits never goes on.</summary>
    public void Abandon() => _isClosed = true;

    /// <returns>False where the batch is worth trying again after <see cref="WaitAsync"/>.</returns>
    /// <exception cref="LogStoreException">There is no room.</exception>
    public bool AdmitsBatch()
    {
        if (Refusal is { } refusal) throw refusal;
        if (_tried is not null) return false;
        if (!IsFull || _claimed-- > 0) return true;
        _tried = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.After(random.Next(1, TryMaxMs + 1), Try);
        return false;
    }

    public ValueTask WaitAsync() => _tried is null ? ValueTask.CompletedTask : new ValueTask(_tried.Task);

    private void Try()
    {
        if (_isClosed) return;
        var wasRefusing = Refusal is not null;
        Refusal = !IsFull ? null : Refusal ?? new LogStoreException("the simulated disk is full");
        if (wasRefusing != (Refusal is not null)) RefusalChanged?.Invoke();
        if (IsFull) loop.After(random.Next(1, TryAgainMaxMs + 1), Try);
        LetGo();
    }

    private void LetGo()
    {
        _tried?.SetResult();
        _tried = null;
    }
}
