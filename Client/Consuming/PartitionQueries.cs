using System.Globalization;
using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>What is asked of a partition's leader about its offsets, repeated until its leader answers.</summary>
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

    /// <param name="isCommittedOnly">The end is that of what readers of committed transactions see.</param>
    public static async Task<long> LocateAsync(
        ClientContext context,
        string topic,
        int partition,
        StartPosition wanted,
        bool isCommittedOnly,
        CancellationToken cancellationToken)
    {
        if (wanted.Kind == StartKind.Offset)
            return wanted.Value;
        if (wanted.Kind == StartKind.Timestamp)
        {
            var found = await FindOffsetAsync(context, topic, partition, wanted.Value, cancellationToken);
            if (found >= 0)
                return found;
        }
        var offsets = await GetOffsetsAsync(context, topic, partition, cancellationToken);
        return wanted.Kind == StartKind.Beginning ? offsets.LogStartOffset
            : isCommittedOnly ? offsets.LastStableOffset
            : offsets.HighWatermark;
    }

    /// <returns>Where the partition begins now.</returns>
    public static async Task<long> DeleteRecordsAsync(
        ClientContext context, string topic, int partition, long before, CancellationToken cancellationToken)
    {
        var deleted = await AskAsync(
            context,
            topic,
            partition,
            grain => grain.DeleteRecordsAsync(before),
            answer => (ErrorCode)answer.Error,
            cancellationToken);
        return deleted.LogStartOffset;
    }

    private static Task<T> AskAsync<T>(
        ClientContext context,
        string topic,
        int partition,
        Func<IPartitionGrain, Task<T>> ask,
        Func<T, ErrorCode> errorOf,
        CancellationToken cancellationToken)
    {
        var what = string.Create(CultureInfo.InvariantCulture, $"Asking the leader of {topic}-{partition}");
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
