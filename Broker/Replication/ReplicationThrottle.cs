namespace Loire.Broker.Replication;

/// <summary>What all replicas of a broker that catch up share of one direction: its <see cref="ThrottleCore"/>, and the rate
/// that is in force. All members may be called from any thread.</summary>
/// <param name="rateBytesPerSecond">leader.replication.throttled.rate or follower.replication.throttled.rate.</param>
public sealed class ReplicationThrottle(Func<long> rateBytesPerSecond)
{
    private readonly Lock _lock = new();
    private readonly ThrottleCore _core = new();

    /// <inheritdoc cref="ThrottleCore.AskAgainAtMs"/>
    public long AskAgainAtMs(long nowMs)
    {
        lock (_lock) return _core.AskAgainAtMs(rateBytesPerSecond(), nowMs);
    }

    /// <inheritdoc cref="ThrottleCore.Take"/>
    public void Take(long bytes, long nowMs)
    {
        lock (_lock) _core.Take(bytes, rateBytesPerSecond(), nowMs);
    }
}
