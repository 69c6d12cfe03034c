namespace Loire.Simulation.World;

/// <summary>Virtual time: runs what is due, in the order of time and then of scheduling. Nothing else moves the
/// clock.</summary>
internal sealed class EventLoop : TimeProvider
{
    private readonly PriorityQueue<Action, (long AtMs, long Number)> _events = new();
    private long _number;

    public long NowMs { get; private set; } = 1_000_000;
    public long EventCount { get; private set; }

    public void After(long delayMs, Action action) => _events.Enqueue(action, (NowMs + delayMs, _number++));

    /// <summary>Repeats an action until it returns false.</summary>
    public void Every(long periodMs, Func<bool> action) => After(periodMs, () =>
    {
        if (action()) Every(periodMs, action);
    });

    public bool Step()
    {
        if (!_events.TryDequeue(out var action, out var due)) return false;
        NowMs = due.AtMs;
        EventCount++;
        action();
        return true;
    }

    public override long TimestampFrequency => 1_000;

    public override long GetTimestamp() => NowMs;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);
}
