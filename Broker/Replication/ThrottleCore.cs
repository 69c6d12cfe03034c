namespace Loire.Broker.Replication;

/// <summary>Lets replication that catches up take so many bytes a second and no more (KIP-73): bytes and time in, leave out.
/// What was taken is known only afterwards, so one answer may go past the rate; the next then waits until the mean is kept.
/// Not thread-safe.</summary>
public sealed class ThrottleCore
{
    /// <summary>What was not used may be made up for within this time.</summary>
    private const long WindowMs = 1_000;

    private double _leftBytes;
    private long _atMs = long.MinValue;

    /// <summary>Notes what was taken.</summary>
    /// <param name="rateBytesPerSecond">The rate in force.</param>
    public void Take(long bytes, long rateBytesPerSecond, long nowMs)
    {
        Refill(rateBytesPerSecond, nowMs);
        _leftBytes -= bytes;
    }

    /// <summary>Whether more may be taken now.</summary>
    /// <returns>Now where it may; else when to ask again, within a second, for the rate may have changed by then.</returns>
    public long AskAgainAtMs(long rateBytesPerSecond, long nowMs)
    {
        Refill(rateBytesPerSecond, nowMs);
        if (_leftBytes > 0) return nowMs;
        var waitMs = 1 + (-_leftBytes * WindowMs / Math.Max(rateBytesPerSecond, 1));
        return nowMs + (long)Math.Min(waitMs, WindowMs);
    }

    private void Refill(long rateBytesPerSecond, long nowMs)
    {
        // Times may come in another order than they were taken; time that did not pass gives nothing.
        var passedMs = _atMs == long.MinValue ? WindowMs : Math.Max(nowMs - _atMs, 0);
        _atMs = nowMs;
        _leftBytes = Math.Min(rateBytesPerSecond, _leftBytes + ((double)rateBytesPerSecond * passedMs / WindowMs));
    }
}
