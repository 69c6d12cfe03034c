namespace Loire.Broker.Replication;

/// <summary>The time that replication measures by: how long a follower lags, how long to wait before the next attempt. A wall
/// clock that is set would drop followers that keep pace, or keep those that are gone.</summary>
public static class ElapsedTime
{
    /// <summary>Milliseconds since a moment of no meaning; never falls.</summary>
    public static long ElapsedMs(this TimeProvider time) => (long)time.GetElapsedTime(0).TotalMilliseconds;
}
