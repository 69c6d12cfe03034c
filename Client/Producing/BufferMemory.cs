namespace Loire.Client;

/// <summary>A budget of bytes. Who waits is served in the order of coming.</summary>
internal sealed class BufferMemory(int sizeBytes)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = new();
    private long _free = sizeBytes;

    /// <summary>Told, without a lock held, that somebody has to wait.</summary>
    public Action? Exhausted { get; init; }

    public bool IsExhausted
    {
        get
        {
            lock (_lock)
            {
                return _waiters.Count > 0;
            }
        }
    }

    public bool TryTake(int count)
    {
        lock (_lock)
        {
            return _waiters.Count == 0 && TryTakeLocked(count);
        }
    }

    public async Task TakeAsync(int count, CancellationToken cancellationToken)
    {
        LinkedListNode<Waiter> waiter;
        lock (_lock)
        {
            if (_waiters.Count == 0 && TryTakeLocked(count))
                return;
            waiter = _waiters.AddLast(new Waiter(count));
        }
        Exhausted?.Invoke();
        try
        {
            await waiter.Value.Granted.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            bool isGranted;
            lock (_lock)
            {
                isGranted = waiter.List is null;
                if (!isGranted)
                    _waiters.Remove(waiter);
            }
            if (isGranted)
                Release(count);
            throw;
        }
    }

    public void Release(int count)
    {
        lock (_lock)
        {
            _free += count;
            while (_waiters.First is { } first && TryTakeLocked(first.Value.Count))
            {
                _waiters.RemoveFirst();
                first.Value.Granted.SetResult();
            }
        }
    }

    // What is larger than the whole budget is let through when it is alone.
    private bool TryTakeLocked(int count)
    {
        if (count > _free && _free < sizeBytes)
            return false;
        _free -= count;
        return true;
    }

    private sealed record Waiter(int Count)
    {
        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
