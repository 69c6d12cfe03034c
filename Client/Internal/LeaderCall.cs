using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>Waits for calls to the leader of a partition. Of a silo's death a client outside of the cluster hears only by the
/// timeouts of its calls, half a minute later. So where a call takes long the partition's controller is asked now and then
/// whether that leader still leads.</summary>
internal static class LeaderCall
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <param name="usual">How long the leader may take where nothing is wrong.</param>
    /// <exception cref="LoireException">NOT_LEADER_OR_FOLLOWER: there has been an election. What became of the call is not
    /// known.</exception>
    public static Task<T> RunAsync<T>(
        ClientContext context, string topic, int partition, TimeSpan usual, Func<IPartitionGrain, Task<T>> start) => RunAsync(
            context, topic, _ => partition, usual, Timeout.InfiniteTimeSpan, () => start(context.Grains.Partition(topic, partition)));

    /// <param name="partitionOf">Of how many the topic has.</param>
    /// <param name="limit">How long the leader may take at all.</param>
    /// <param name="start">Calls a grain that is where the partition is led.</param>
    /// <exception cref="TimeoutException">The limit is over.</exception>
    /// <inheritdoc cref="RunAsync{T}(ClientContext, string, int, TimeSpan, Func{IPartitionGrain, Task{T}})"/>
    public static async Task<T> RunAsync<T>(
        ClientContext context, string topic, Func<int, int> partitionOf, TimeSpan usual, TimeSpan limit, Func<Task<T>> start)
    {
        var started = context.Time.GetTimestamp();
        var epoch = EpochOf(context.Topics.TryGet(topic), partitionOf);
        var call = start();
        Task<TopicDescription?>? asking = null;
        for (var wait = usual + Period; ; wait = Period)
        {
            try
            {
                return await call.WaitAsync(wait, context.Time);
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                if (limit != Timeout.InfiniteTimeSpan && context.Time.GetElapsedTime(started) >= limit)
                    throw;
                // The controller may have been on the same silo: its answer is not waited for either.
                asking ??= context.Topics.RefreshAsync(topic, CancellationToken.None);
            }
            if (!asking.IsCompleted)
                continue;
            var known = asking.IsCompletedSuccessfully ? EpochOf(await asking, partitionOf) : null;
            asking = null;
            if (known is not null && epoch is not null && known != epoch)
            {
                throw ErrorCode.NotLeaderOrFollower.ToException(
                    $"Calling the leader of a partition of '{topic}'", "there has been an election meanwhile");
            }
            epoch ??= known;
        }
    }

    private static int? EpochOf(TopicDescription? topic, Func<int, int> partitionOf)
    {
        if (topic is null)
            return null;
        var partition = partitionOf(topic.Partitions.Length);
        return partition < topic.Partitions.Length ? topic.Partitions[partition].LeaderEpoch : null;
    }
}
