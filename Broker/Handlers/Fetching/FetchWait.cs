using Loire.Broker.Partitions;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>One long poll: completes when enough bytes became readable, a partition changed, the time is over or the
/// client is gone. Holds no thread; its task never runs continuations inline.</summary>
internal sealed class FetchWait(long missingBytes) : TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously),
    IFetchListener
{
    private long _missingBytes = missingBytes;

    /// <returns>False when the time is over.</returns>
    public static async Task<bool> WaitAsync(
        List<FetchPartition> partitions,
        FetchReader reader,
        long missingBytes,
        TimeSpan left,
        TimeProvider time,
        CancellationToken aborted)
    {
        // Timers count whole milliseconds and round down: the rest would be spent polling.
        var timeout = TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(left.TotalMilliseconds)));
        var wait = new FetchWait(missingBytes);
        await using var timer = time.CreateTimer(
            static wait => ((FetchWait)wait!).TrySetResult(false), wait, timeout, Timeout.InfiniteTimeSpan);
        await using var registration = aborted.UnsafeRegister(static wait => ((FetchWait)wait!).TrySetResult(true), wait);
        try
        {
            foreach (var partition in partitions) reader.Watch(partition, wait);
            return await wait.Task;
        }
        finally
        {
            foreach (var partition in partitions) partition.Replica?.Unwatch(partition.Watch);
        }
    }

    public void OnAvailable(long addedBytes)
    {
        // Saturated, so that "unknown how many" cannot wrap around.
        var added = Math.Min(addedBytes, int.MaxValue);
        if (Interlocked.Add(ref _missingBytes, -added) <= 0) TrySetResult(true);
    }

    public void OnPartitionChanged() => TrySetResult(true);
}
