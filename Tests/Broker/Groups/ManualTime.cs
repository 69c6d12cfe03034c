namespace Loire.Tests.Broker.Groups;

/// <summary>A clock that stands until it is advanced; timers fire on the thread that advances it.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<ManualTimer> _timers = [];
    private long _nowMs;

    public override long TimestampFrequency => 1_000;

    public override long GetTimestamp() => Interlocked.Read(ref _nowMs);

    public override DateTimeOffset GetUtcNow() =>
        DateTimeOffset.FromUnixTimeMilliseconds(GroupWorld.StartUnixMs + GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        lock (_lock)
            _timers.Add(timer);
        return timer;
    }

    public void Advance(long ms)
    {
        for (var end = GetTimestamp() + ms; ;)
        {
            ManualTimer? due;
            lock (_lock)
                due = _timers.Where(timer => timer.DueMs <= end).MinBy(timer => timer.DueMs);
            if (due is null)
            {
                Interlocked.Exchange(ref _nowMs, end);
                return;
            }
            Interlocked.Exchange(ref _nowMs, Math.Max(GetTimestamp(), due.DueMs!.Value));
            due.Fire();
        }
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        public long? DueMs { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            DueMs = dueTime < TimeSpan.Zero ? null : time.GetTimestamp() + (long)dueTime.TotalMilliseconds;
            return true;
        }

        public void Fire()
        {
            DueMs = null;
            callback(state);
        }

        public void Dispose() => DueMs = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
