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
    public static async Task<T> RunAsync<T>(
        ClientContext context, string topic, int partition, TimeSpan usual, Func<IPartitionGrain, Task<T>> start)
    {
        var epoch = EpochOf(context.Topics.TryGet(topic), partition);
        var call = start(context.Grains.Partition(topic, partition));
        Task<TopicDescription?>? asking = null;
        for (var wait = usual + Period; ; wait = Period)
        {
            try
            {
                return await call.WaitAsync(wait, context.Time);
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                // The controller may have been on the same silo: its answer is not waited for either.
                asking ??= context.Topics.RefreshAsync(topic, CancellationToken.None);
            }
            if (!asking.IsCompleted)
                continue;
            var known = asking.IsCompletedSuccessfully ? EpochOf(await asking, partition) : null;
            asking = null;
            if (known is not null && epoch is not null && known != epoch)
            {
                throw ErrorCode.NotLeaderOrFollower.ToException(
                    $"Calling the leader of {PartitionKey.Of(topic, partition)}", "there has been an election meanwhile");
            }
            epoch ??= known;
        }
    }

    private static int? EpochOf(TopicDescription? topic, int partition) =>
        topic is not null && partition < topic.Partitions.Length ? topic.Partitions[partition].LeaderEpoch : null;
}
