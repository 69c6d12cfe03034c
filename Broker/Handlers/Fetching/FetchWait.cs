using Loire.Broker.Partitions;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>One long poll: completes when enough bytes became readable, a partition changed, the time is over or the
/// client is gone. Holds no thread; its task never runs continuations inline.</summary>
internal sealed class FetchWait(long missingBytes) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously),
    IFetchListener
{
    private long _missingBytes = missingBytes;

    public static async Task WaitAsync(
        List<FetchPartition> partitions, long missingBytes, TimeSpan timeout, TimeProvider time, CancellationToken aborted)
    {
        var wait = new FetchWait(missingBytes);
        await using var timer = time.CreateTimer(
            static wait => ((FetchWait)wait!).TrySetResult(), wait, timeout, Timeout.InfiniteTimeSpan);
        await using var registration = aborted.UnsafeRegister(static wait => ((FetchWait)wait!).TrySetResult(), wait);
        try
        {
            foreach (var partition in partitions)
            {
                partition.Replica?.Watch(partition.Watch, wait, partition.Read.HighWatermark);
            }

            await wait.Task;
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
        if (Interlocked.Add(ref _missingBytes, -added) <= 0) TrySetResult();
    }

    public void OnPartitionChanged() => TrySetResult();
}
