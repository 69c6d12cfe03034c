using System.Globalization;
using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>Questions about a partition's offsets, repeated until its leader answers.</summary>
internal static class PartitionQueries
{
    public static Task<PartitionOffsets> GetOffsetsAsync(
        ClientContext context, string topic, int partition, CancellationToken cancellationToken) =>
        AskAsync(
            context, topic, partition, grain => grain.GetOffsetsAsync(), answer => (ErrorCode)answer.Error, cancellationToken);

    /// <returns>-1 where no record is as late.</returns>
    public static async Task<long> FindOffsetAsync(
        ClientContext context, string topic, int partition, long timestampMs, CancellationToken cancellationToken)
    {
        var found = await AskAsync(
            context,
            topic,
            partition,
            grain => grain.FindOffsetAsync(timestampMs),
            answer => (ErrorCode)answer.Error,
            cancellationToken);
        return found.Offset;
    }

    private static Task<T> AskAsync<T>(
        ClientContext context,
        string topic,
        int partition,
        Func<IPartitionGrain, Task<T>> ask,
        Func<T, ErrorCode> errorOf,
        CancellationToken cancellationToken)
    {
        var what = string.Create(CultureInfo.InvariantCulture, $"Asking for offsets of {topic}-{partition}");
        return Retry.RunAsync(context, what, CallAsync, cancellationToken);

        async Task<T> CallAsync()
        {
            var answer = await LeaderCall.RunAsync(context, topic, partition, usual: TimeSpan.Zero, ask);
            var error = errorOf(answer);
            if (error == ErrorCode.None)
                return answer;
            if (error == ErrorCode.UnknownTopicOrPartition)
            {
                // A silo may not have heard yet of a topic that its controller has just made.
                var known = await context.Topics.RefreshAsync(topic, cancellationToken) ?? throw Failures.UnknownTopic(topic);
                if (partition < known.Partitions.Length)
                    error = ErrorCode.LeaderNotAvailable;
            }
            throw error.ToException(what);
        }
    }
}
