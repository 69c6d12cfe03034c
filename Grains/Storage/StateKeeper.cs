using Loire.Broker.Ports;
using Orleans.Core;
using Orleans.Storage;

namespace Loire.Grains.Storage;

/// <summary>How a controller's state lies in the storage.</summary>
/// <param name="Initial">The state where nothing is stored.</param>
internal sealed record StateForm<TState, TDocument>(
    TState Initial, Func<TDocument, TState> Read, Func<TState, TDocument> Write);

/// <summary>What a change came to. The same state means that there is nothing to persist.</summary>
/// <param name="IsBehind">Somebody knows a newer state than this one: read again and decide again.</param>
internal readonly record struct Decision<TState>(TState State, bool IsBehind = false);

/// <summary>Keeps the state of a controller of which two may be active. A change is decided on the state last read or
/// written, persisted under its ETag, and only then answered and announced; where another activation was faster the state
/// is read again and the change decided anew. What comes while a write is under way shares the next one. Runs in the turns
/// of its grain: not thread-safe.</summary>
/// <param name="announce">Told every state that was persisted here, in order, before the answers go out.</param>
/// <param name="isOutdated">Whether this silo has heard of a newer state than the given one; null where it hears of
/// none.</param>
internal sealed class StateKeeper<TState, TDocument>(
    IStorage<TDocument> storage,
    StateForm<TState, TDocument> form,
    Action<TState> announce,
    Func<TState, bool>? isOutdated = null)
{
    /// <summary>Each lost race means that another activation got on; more of them in a row means something else.</summary>
    private const int MaxAttempts = 10;

    private readonly Queue<Change> _changes = new();
    private TState _state = form.Initial;
    private bool _isLoaded;
    private bool _isStale;
    private Task _work = Task.CompletedTask;

    /// <summary>The state as it was last read or written here.</summary>
    public TState Current
    {
        get
        {
            LoadActivated();
            return _state;
        }
    }

    /// <summary>Changes the state. <paramref name="decide"/> may be called more than once; what it throws is thrown to the
    /// caller and changes nothing.</summary>
    /// <returns>The state when the change is persisted.</returns>
    /// <exception cref="StoredStateException">The storage failed: whether it took the change is not known.</exception>
    public Task<TState> ChangeAsync(Func<TState, Decision<TState>> decide)
    {
        var change = new Change(decide);
        _changes.Enqueue(change);
        if (_work.IsCompleted) _work = WorkAsync();
        return change.Task;
    }

    /// <summary>The state as the storage has it, behind all changes that are under way here: another activation may know
    /// more.</summary>
    /// <exception cref="StoredStateException">The storage failed.</exception>
    public Task<TState> ReadAgainAsync() => ChangeAsync(static state => new(state, IsBehind: true));

    private async Task WorkAsync()
    {
        while (_changes.Count > 0)
        {
            Change[] batch = [.. _changes];
            _changes.Clear();
            try
            {
                await CarryOutAsync(batch);
            }
            catch (Exception failure)
            {
                // Whether the write was taken is not known: nothing that this activation knew is believed any more.
                _isStale = true;
                var told = failure as StoredStateException
                    ?? new StoredStateException($"The storage failed: {failure.Message}", failure);
                foreach (var change in batch) change.TrySetException(change.Refusal ?? told);
            }
        }
    }

    private async Task CarryOutAsync(Change[] batch)
    {
        for (var attempt = 1; ; attempt++)
        {
            var isFresh = _isStale;
            if (_isStale) await ReloadAsync();
            LoadActivated();
            if (!isFresh && isOutdated?.Invoke(_state) == true)
            {
                // The ETag would say so only if there were something to write.
                _isStale = true;
                continue;
            }

            var next = Decide(batch, out var isBehind);
            if (isBehind && !isFresh)
            {
                _isStale = true;
                continue;
            }

            if (!ReferenceEquals(next, _state) && !await TryWriteAsync(next, isLastAttempt: attempt == MaxAttempts)) continue;
            foreach (var change in batch) change.Answer(_state);
            return;
        }
    }

    private TState Decide(Change[] batch, out bool isBehind)
    {
        isBehind = false;
        var state = _state;
        foreach (var change in batch)
        {
            var decision = change.Decide(state);
            state = decision.State;
            isBehind |= decision.IsBehind;
        }

        return state;
    }

    /// <returns>False where another activation has written since this one read.</returns>
    private async Task<bool> TryWriteAsync(TState next, bool isLastAttempt)
    {
        try
        {
            storage.State = form.Write(next);
            await storage.WriteStateAsync();
        }
        catch (InconsistentStateException) when (!isLastAttempt)
        {
            _isStale = true;
            return false;
        }

        _state = next;
        announce(next);
        return true;
    }

    private async Task ReloadAsync()
    {
        await storage.ReadStateAsync();
        _isLoaded = false;
        _isStale = false;
    }

    /// <summary>The runtime reads the state before a grain's first turn.</summary>
    private void LoadActivated()
    {
        if (_isLoaded) return;
        _state = storage.RecordExists ? form.Read(storage.State) : form.Initial;
        _isLoaded = true;
    }

    private sealed class Change(Func<TState, Decision<TState>> decide)
        : TaskCompletionSource<TState>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        /// <summary>Why the state it met does not allow it.</summary>
        public Exception? Refusal { get; private set; }

        public Decision<TState> Decide(TState state)
        {
            Refusal = null;
            try
            {
                return decide(state);
            }
            catch (KafkaException refusal)
            {
                Refusal = refusal;
                return new Decision<TState>(state);
            }
        }

        public void Answer(TState state)
        {
            if (Refusal is not null) TrySetException(Refusal);
            else TrySetResult(state);
        }
    }
}
