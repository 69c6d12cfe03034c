using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>The partitions that a member of a group reads. Before one goes to another member the batch in hand is finished
/// and what was processed is committed, so that the next owner goes on right behind it.</summary>
internal sealed partial class GroupPartitions(ClientContext context, FetchQueue queue, GroupMember member)
{
    private int _generation = -1;

    /// <summary>What the leader of the group is to know of this member.</summary>
    public Subscription Describe()
    {
        TopicName[] topics = [.. member.Topics.Select(topic => new TopicName(topic))];
        return member.IsCooperative
            ? new Subscription(topics, [.. queue.Fetchers.Select(fetcher => fetcher.Address.ToProtocol())], _generation)
            : new Subscription(topics);
    }

    /// <summary>Reads these and no others. What it reads already is not touched.</summary>
    /// <returns>Whether others wait for what was given up.</returns>
    public async Task<bool> TakeUpAsync(
        IReadOnlyCollection<TopicPartition> assigned, int generation, CancellationToken cancellationToken)
    {
        _generation = generation;
        var owned = queue.Fetchers.ToDictionary(fetcher => fetcher.Address);
        var added = assigned.Where(partition => !owned.ContainsKey(partition)).ToList();
        var released = owned.Values.Where(fetcher => !assigned.Contains(fetcher.Address)).ToList();
        await ReleaseAsync(released, isLost: false, cancellationToken);
        await AddAsync(added, cancellationToken);
        LogAssigned(context.Logger, member.GroupId, generation, assigned.Count, added.Count, released.Count);
        return released.Count > 0;
    }

    /// <param name="isLost">Others may have them already: nothing can be committed.</param>
    public Task ReleaseAllAsync(bool isLost, CancellationToken cancellationToken) =>
        ReleaseAsync([.. queue.Fetchers], isLost, cancellationToken);

    /// <summary>Lets go what no longer exists. That is no reason to join again: the leader sees to it when it has noticed. Of a
    /// topic that has the name of one that is gone, the group's own position is looked up.</summary>
    public async Task ReleaseGoneAsync(CancellationToken cancellationToken)
    {
        var gone = queue.Fetchers.Where(fetcher => fetcher.IsGone).ToList();
        await ReleaseAsync(gone, isLost: true, cancellationToken);
        await AddAsync([.. gone.Where(fetcher => fetcher.IsReplaced).Select(fetcher => fetcher.Address)], cancellationToken);
    }

    /// <summary>Commits what was processed, where that is not the caller's business.</summary>
    public Task CommitAsync(CancellationToken cancellationToken) => CommitAsync(queue.Fetchers, cancellationToken);

    /// <summary>The reading ends, with the batch in hand not processed.</summary>
    public Task TellAllRevokedAsync() => TellAsync(
        member.Options.OnRevoked, nameof(GroupConsumerOptions.OnRevoked), queue.Fetchers.Select(fetcher => fetcher.Address));

    private async Task AddAsync(List<TopicPartition> added, CancellationToken cancellationToken)
    {
        if (added.Count == 0)
            return;
        var offsets = await member.GetOffsetsAsync(added, cancellationToken);
        await TellAsync(member.Options.OnAssigned, nameof(GroupConsumerOptions.OnAssigned), added);
        foreach (var offset in offsets)
        {
            queue.Add(
                new PartitionStart(offset.Topic, offset.Partition, StartOf(offset)),
                mayVanish: true,
                offset.Offset >= 0 ? offset.TopicId : Guid.Empty);
        }
    }

    private StartPosition StartOf(GroupOffset committed) => committed.Offset >= 0
        ? StartPosition.At(committed.Offset)
        : member.Options.OffsetReset switch
        {
            OffsetReset.Earliest => StartPosition.Beginning,
            OffsetReset.Latest => StartPosition.End,
            _ => throw ErrorCode.OffsetOutOfRange.ToException(
                $"Reading {committed.Topic}-{committed.Partition}", $"group '{member.GroupId}' has no offset committed"),
        };

    private async Task ReleaseAsync(List<PartitionFetcher> released, bool isLost, CancellationToken cancellationToken)
    {
        if (released.Count == 0)
            return;
        foreach (var fetcher in released)
            fetcher.Stop();
        try
        {
            await queue.WhenReturnedAsync().WaitAsync(member.Options.RebalanceTimeout, context.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            LogSlow(context.Logger, member.GroupId, member.Options.RebalanceTimeout);
        }
        if (!isLost)
            await CommitAsync(released, cancellationToken);
        await TellAsync(
            member.Options.OnRevoked, nameof(GroupConsumerOptions.OnRevoked), released.Select(fetcher => fetcher.Address));
        foreach (var fetcher in released)
            await queue.RemoveAsync(fetcher);
    }

    private async Task CommitAsync(IEnumerable<PartitionFetcher> fetchers, CancellationToken cancellationToken)
    {
        if (!member.Options.IsAutoCommit)
            return;
        var due = fetchers.Where(fetcher => fetcher.Processed > fetcher.Committed)
            .Select(fetcher => (Fetcher: fetcher, Offset: fetcher.Processed)).ToList();
        if (due.Count == 0)
            return;
        try
        {
            await member.CommitAsync(
                [.. due.Select(entry => entry.Fetcher.OffsetToCommit(entry.Offset))],
                isOwned: () => true,
                cancellationToken);
            foreach (var (fetcher, offset) in due)
                fetcher.Committed = offset;
        }
        catch (LoireException exception)
        {
            // What is not committed is read again by the next owner.
            LogNotCommitted(context.Logger, exception, member.GroupId);
        }
    }

    private static async Task TellAsync(
        Func<IReadOnlyList<TopicPartition>, Task>? callback, string name, IEnumerable<TopicPartition> partitions)
    {
        TopicPartition[] told = [.. partitions];
        if (callback is null || told.Length == 0)
            return;
        try
        {
            await callback(told);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{name} of the consumer's options has failed: {exception.Message}", exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Group '{Group}', generation {Generation}: this member has {Count} partitions, {Added} of them new; {Released} were handed back")]
    private static partial void LogAssigned(ILogger logger, string group, int generation, int count, int added, int released);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': a batch took longer than {Timeout}; others may get its records a second time")]
    private static partial void LogSlow(ILogger logger, string group, TimeSpan timeout);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Group '{Group}': offsets could not be committed")]
    private static partial void LogNotCommitted(ILogger logger, Exception exception, string group);
}
