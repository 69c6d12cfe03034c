namespace Loire.Broker.Gateway;

/// <summary>Bytes that all connections together may hold of requests they have not handled yet. What has arrived is charged,
/// not what is announced, so that nobody holds anything by words alone. Who finds too few left waits its turn; turns are
/// first come, first served.
/// <para>A large frame is charged stretch by stretch, hence may wait for more while it holds some. When all that is held is
/// held by frames that wait, none of them would ever get on: then the first is charged all the rest of its frame, and the
/// budget is exceeded by one frame at most.</para></summary>
internal sealed class MemoryBudget(long capacityBytes)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private long _usedBytes;
    private long _heldByWaitersBytes;

    public long UsedBytes
    {
        get
        {
            lock (_lock) return _usedBytes;
        }
    }

    /// <param name="heldBytes">What the frame is charged already.</param>
    /// <param name="bytes">What has arrived since.</param>
    /// <param name="restBytes">All that the frame is not charged yet; no less than <paramref name="bytes"/>.</param>
    /// <returns>What was charged, to be given back with <see cref="Release"/>: at least what has arrived.</returns>
    public ValueTask<long> TakeAsync(long heldBytes, long bytes, long restBytes, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_lock)
        {
            if (_waiters.Count == 0 && bytes <= capacityBytes - _usedBytes)
            {
                _usedBytes += bytes;
                return new(bytes);
            }

            waiter = new Waiter(heldBytes, bytes, restBytes);
            _waiters.AddLast(waiter);
            _heldByWaitersBytes += heldBytes;
            Grant();
        }

        return new(WaitAsync(waiter, cancellationToken));
    }

    public void Release(long bytes)
    {
        lock (_lock)
        {
            _usedBytes -= bytes;
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
            _heldByWaitersBytes -= waiter.HeldBytes;
            waiter.SetCanceled(cancellationToken);
            Grant();
        }
    }

    private void Grant()
    {
        while (_waiters.First is { Value: var next })
        {
            var fits = next.Bytes <= capacityBytes - _usedBytes;
            if (!fits && _heldByWaitersBytes < _usedBytes) return;
            var charged = fits ? next.Bytes : next.RestBytes;
            _waiters.RemoveFirst();
            _heldByWaitersBytes -= next.HeldBytes;
            _usedBytes += charged;
            next.SetResult(charged);
        }
    }

    private sealed class Waiter(long heldBytes, long bytes, long restBytes)
        : TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long HeldBytes => heldBytes;
        public long Bytes => bytes;
        public long RestBytes => restBytes;
    }
}
