namespace Loire.Log;

/// <summary>Holds back who found the journal's memory full until a flush made room.</summary>
internal sealed class SpaceGate(Func<long> durableUntil)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _opened;
    private bool _stayOpen;

    /// <param name="durableBefore">What was durable before the append was tried: where more is now, the room it waits for
    /// may be there already and no later flush may come.</param>
    public void Close(long durableBefore)
    {
        lock (_lock)
        {
            if (_stayOpen || durableUntil() != durableBefore)
                return;
            _opened ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        if (durableUntil() != durableBefore)
            Open();
    }

    /// <summary>Closes until somebody opens.</summary>
    public void Close() => Close(durableUntil());

    public void Open()
    {
        if (Volatile.Read(ref _opened) is null)
            return;
        lock (_lock)
        {
            _opened?.SetResult();
            _opened = null;
        }
    }

    public void OpenForGood()
    {
        lock (_lock)
            _stayOpen = true;
        Open();
    }

    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _opened is null
                ? ValueTask.CompletedTask
                : new ValueTask(_opened.Task.WaitAsync(cancellationToken));
        }
    }
}
