using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Grains.Partitions;

/// <summary>Completes when a partition may have more to read than was seen. Continuations never run on the log's commit
/// thread.</summary>
internal sealed class ReadWait() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), IFetchListener
{
    /// <param name="seen">The high watermark that was read up to.</param>
    /// <returns>False when the time is over.</returns>
    public static async Task<bool> WaitAsync(PartitionReplica replica, Offset seen, TimeSpan left, TimeProvider time)
    {
        var wait = new ReadWait();
        var watch = new FetchWatch();
        replica.Watch(watch, wait, seen);
        try
        {
            await wait.Task.WaitAsync(left, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            replica.Unwatch(watch);
        }
    }

    public void OnAvailable(long addedBytes) => TrySetResult();

    public void OnPartitionChanged() => TrySetResult();
}
