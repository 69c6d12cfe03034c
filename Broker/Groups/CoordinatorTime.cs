namespace Loire.Broker.Groups;

/// <summary>The time of one step of a coordinator. Timeouts are measured on a clock that never jumps; what is kept in
/// records is wall-clock time.</summary>
/// <param name="MonotonicMs">Milliseconds since some fixed moment.</param>
/// <param name="UnixMs">Milliseconds since 1970.</param>
public readonly record struct CoordinatorTime(long MonotonicMs, long UnixMs)
{
    /// <summary>Saturated: the largest number there is may be configured, or asked for, to say "never".</summary>
    internal static long After(long nowMs, long delayMs) => delayMs > long.MaxValue - nowMs ? long.MaxValue : nowMs + delayMs;
}
