namespace Loire.Broker.Gateway;

/// <summary>Bytes that all connections together may hold of requests they have not handled yet. Who finds too few left
/// waits its turn before a byte of its frame is buffered; turns are first come, first served.</summary>
internal sealed class MemoryBudget
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private readonly long _capacityBytes;
    private long _freeBytes;

    public MemoryBudget(long capacityBytes)
    {
        _capacityBytes = capacityBytes;
        _freeBytes = capacityBytes;
    }

    public long UsedBytes
    {
        get
        {
            lock (_lock) return _capacityBytes - _freeBytes;
        }
    }

    /// <returns>What to give back with <see cref="Release"/>: a frame larger than the whole budget takes all of
    /// it.</returns>
    public ValueTask<long> TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        bytes = Math.Min(bytes, _capacityBytes);
        Waiter waiter;
        lock (_lock)
        {
            if (_waiters.Count == 0 && bytes <= _freeBytes)
            {
                _freeBytes -= bytes;
                return new(bytes);
            }

            waiter = new Waiter(bytes);
            _waiters.AddLast(waiter);
        }

        return new(WaitAsync(waiter, cancellationToken));
    }

    public void Release(long bytes)
    {
        lock (_lock)
        {
            _freeBytes += bytes;
            Grant();
        }
    }

    private async Task<long> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(_ => Withdraw(waiter, cancellationToken), null);
        return await waiter.Task;
    }

    private void Withdraw(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_waiters.Remove(waiter)) return;
            waiter.SetCanceled(cancellationToken);
            Grant();
        }
    }

    private void Grant()
    {
        while (_waiters.First is { Value: var next } && next.Bytes <= _freeBytes)
        {
            _waiters.RemoveFirst();
            _freeBytes -= next.Bytes;
            next.SetResult(next.Bytes);
        }
    }

    private sealed class Waiter(long bytes) : TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Bytes => bytes;
    }
}
