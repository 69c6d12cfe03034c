using System.Collections.Concurrent;
using Loire.Client;

namespace Loire.Tests.Cluster;

/// <summary>What a group's member was told that it gets and loses: partitions of one topic.</summary>
internal sealed class Told
{
    public ConcurrentQueue<int> Assigned { get; } = new();
    public ConcurrentQueue<int> Revoked { get; } = new();

    /// <summary>What it has now.</summary>
    public IReadOnlyList<int> Owned =>
    [
        .. Assigned.GroupBy(partition => partition)
            .Where(times => times.Count() > Revoked.Count(partition => partition == times.Key))
            .Select(times => times.Key).Order(),
    ];

    public GroupConsumerOptions By(GroupConsumerOptions options) =>
        options with { OnAssigned = Into(Assigned), OnRevoked = Into(Revoked) };

    private static Func<IReadOnlyList<TopicPartition>, Task> Into(ConcurrentQueue<int> queue) => partitions =>
    {
        foreach (var partition in partitions)
            queue.Enqueue(partition.Partition);
        return Task.CompletedTask;
    };
}
