using System.Collections.Immutable;
using Loire.Grains.Interfaces;

namespace Loire.Client;

public sealed partial class LoireAdmin
{
    /// <summary>All groups of the cluster, by their ids: those too that only have offsets stored.</summary>
    public Task<ImmutableArray<GroupListing>> ListGroupsAsync(CancellationToken cancellationToken = default) =>
        RunAsync("Listing the groups", () => _context.Grains.Cluster.ListGroupsAsync(), cancellationToken);

    /// <returns>Null where there is no such group.</returns>
    public Task<GroupDescription?> DescribeGroupAsync(string groupId, CancellationToken cancellationToken = default) =>
        RunAsync($"Describing group '{groupId}'", () => _context.Grains.Group(groupId).DescribeAsync(), cancellationToken);

    /// <summary>Deletes a group with its offsets.</summary>
    /// <exception cref="LoireException">NON_EMPTY_GROUP while it has members; GROUP_ID_NOT_FOUND.</exception>
    public Task DeleteGroupAsync(string groupId, CancellationToken cancellationToken = default)
    {
        var what = $"Deleting group '{groupId}'";
        return RunAsync(what, async () => Check(await _context.Grains.Group(groupId).DeleteAsync(), what), cancellationToken);
    }

    /// <summary>What a group has committed, of topics that exist.</summary>
    public Task<ImmutableArray<GroupOffset>> GetGroupOffsetsAsync(string groupId, CancellationToken cancellationToken = default) =>
        RunAsync(
            $"Reading the offsets of group '{groupId}'",
            () => _context.Grains.Group(groupId).GetAllOffsetsAsync(),
            cancellationToken);

    /// <summary>Sets where a group goes on in partitions. The others stay as they are. A group that does not exist is
    /// made.</summary>
    /// <param name="offsets">Of the next record that the group is to read. They may lie outside the log: then the consumer's
    /// OffsetReset decides.</param>
    /// <exception cref="LoireException">NON_EMPTY_GROUP while the group has members, whose own commits would overwrite it;
    /// UNKNOWN_TOPIC_OR_PARTITION.</exception>
    public async Task AlterGroupOffsetsAsync(
        string groupId, IEnumerable<KeyValuePair<TopicPartition, long>> offsets, CancellationToken cancellationToken = default)
    {
        var what = $"Setting offsets of group '{groupId}'";
        var altered = offsets.ToImmutableArray();
        foreach (var topic in altered.GroupBy(offset => offset.Key.Topic))
        {
            // The coordinator may not have heard yet of a topic; its controller has the last word.
            var known = await DescribeTopicAsync(topic.Key, cancellationToken) ?? throw Failures.UnknownTopic(topic.Key);
            if (topic.Any(offset => (uint)offset.Key.Partition >= (uint)known.Partitions.Length))
                throw Refused(ErrorCode.UnknownTopicOrPartition, what, $"'{topic.Key}' has {known.Partitions.Length} partition(s)");
        }

        ImmutableArray<GroupOffset> stored =
            [.. altered.Select(offset => new GroupOffset(offset.Key.Topic, offset.Key.Partition, offset.Value, -1, ""))];
        await RunAsync(
            what,
            async () =>
            {
                var errors = await _context.Grains.Group(groupId).CommitAsync(GroupMembership.None, stored);
                Check(errors.FirstOrDefault(error => error != (short)ErrorCode.None), what);
            },
            cancellationToken);
    }

    /// <summary>Sets where a group goes on in all partitions of a topic.</summary>
    /// <returns>The offsets by partition.</returns>
    /// <inheritdoc cref="AlterGroupOffsetsAsync"/>
    public async Task<ImmutableArray<long>> ResetGroupOffsetsAsync(
        string groupId, string topic, StartPosition to, CancellationToken cancellationToken = default)
    {
        var known = await DescribeTopicAsync(topic, cancellationToken) ?? throw Failures.UnknownTopic(topic);
        var offsets = await Task.WhenAll(known.Partitions.Select(
            partition => PartitionQueries.LocateAsync(_context, topic, partition.Index, to, false, cancellationToken)));
        await AlterGroupOffsetsAsync(
            groupId,
            offsets.Select((offset, partition) => KeyValuePair.Create(new TopicPartition(topic, partition), offset)),
            cancellationToken);
        return [.. offsets];
    }

    /// <summary>Who commits without being a member is not known to a group that has members.</summary>
    private static void Check(short error, string what)
    {
        switch ((ErrorCode)error)
        {
            case ErrorCode.None:
                return;
            case ErrorCode.UnknownMemberId or ErrorCode.NonEmptyGroup:
                throw Refused(ErrorCode.NonEmptyGroup, what, "the group has members; stop its consumers first");
            case ErrorCode.UnknownTopicOrPartition:
                // It exists, as its controller says: an exception of that code would not be repeated.
                throw Refused(ErrorCode.LeaderNotAvailable, what, "the coordinator has not heard of the topic yet");
            case ErrorCode.GroupIdNotFound:
                throw Refused(ErrorCode.GroupIdNotFound, what, "there is no such group");
            case var other:
                throw other.ToException(what);
        }
    }

    private static LoireException Refused(ErrorCode error, string what, string why) => error.ToException(what, why);
}
