using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol;

namespace Loire.Client;

/// <summary>Gives a consumer the partitions that its group gives it. Before a rebalance everything is handed back: the
/// batch in hand is finished and what was processed is committed, so that the next owner goes on right behind it.</summary>
internal sealed partial class GroupAssignment(GroupMember member, string groupId, GroupConsumerOptions options) : IAssignment
{
    private static readonly TimeSpan TopicsCheckEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(5);

    private TaskCompletionSource<ErrorCode> _mustRejoin = NewSignal();
    private volatile bool _isJoining;

    public async Task RunAsync(ClientContext context, FetchQueue queue, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var heartbeats = HeartbeatAsync(context, stop.Token);
        try
        {
            while (true)
            {
                var watched = await JoinAsync(context, queue, cancellationToken);
                var reason = watched is null
                    ? ErrorCode.RebalanceInProgress
                    : await StayAsync(context, queue, watched, cancellationToken);
                LoireClientTelemetry.Rebalances.Add(1, new KeyValuePair<string, object?>("messaging.consumer.group.name", groupId));
                LogRebalance(context.Logger, groupId, reason);
                member.Forget(reason);
                await HandBackAsync(context, queue, isLost: reason != ErrorCode.RebalanceInProgress, cancellationToken);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await heartbeats;
            await FarewellAsync(context, queue);
        }
    }

    /// <returns>The topics that this member watches as its group's leader, empty where it does not lead; null where the
    /// group has moved on already.</returns>
    private async Task<IReadOnlyDictionary<TopicName, int>?> JoinAsync(
        ClientContext context, FetchQueue queue, CancellationToken cancellationToken)
    {
        _isJoining = true;
        var joined = await member.JoinAsync(cancellationToken);
        var assignments = ImmutableArray<GroupMemberAssignment>.Empty;
        IReadOnlyDictionary<TopicName, int> watched = ImmutableDictionary<TopicName, int>.Empty;
        if (joined.LeaderId == joined.MemberId)
            (assignments, watched) = await new GroupLeader(context, groupId, options).AssignAsync(joined, cancellationToken);
        if (await member.SyncAsync(assignments, cancellationToken) is not { } mine)
            return null;
        _mustRejoin = NewSignal();
        _isJoining = false;
        var offsets = await member.GetOffsetsAsync(mine, cancellationToken);
        if (options.OnAssigned is { } told)
            await told(mine);
        foreach (var offset in offsets)
        {
            var start = offset.Offset >= 0 ? StartPosition.At(offset.Offset)
                : options.OffsetReset switch
                {
                    OffsetReset.Earliest => StartPosition.Beginning,
                    OffsetReset.Latest => StartPosition.End,
                    _ => throw ErrorCode.OffsetOutOfRange.ToException(
                        $"Reading {offset.Topic}-{offset.Partition}", $"group '{groupId}' has no offset committed"),
                };
            queue.Add(new PartitionStart(offset.Topic, offset.Partition, start));
        }
        LogAssigned(context.Logger, groupId, mine.Count);
        return watched;
    }

    /// <summary>Reads until the group rebalances; commits meanwhile, and as the leader looks out for new partitions.</summary>
    /// <returns>Why it is to join again.</returns>
    private async Task<ErrorCode> StayAsync(
        ClientContext context, FetchQueue queue, IReadOnlyDictionary<TopicName, int> watched, CancellationToken cancellationToken)
    {
        var checkedTimestamp = context.Time.GetTimestamp();
        while (true)
        {
            var tick = Task.Delay(options.AutoCommitInterval, context.Time, cancellationToken);
            if (await Task.WhenAny(_mustRejoin.Task, tick) == _mustRejoin.Task)
                return await _mustRejoin.Task;
            await tick;
            if (options.IsAutoCommit)
                await CommitAsync(context, queue, cancellationToken);
            if (watched.Count == 0 || context.Time.GetElapsedTime(checkedTimestamp) < TopicsCheckEvery)
                continue;
            checkedTimestamp = context.Time.GetTimestamp();
            if (await new GroupLeader(context, groupId, options).HaveChangedAsync(watched, cancellationToken))
                return ErrorCode.RebalanceInProgress;
        }
    }

    private async Task HeartbeatAsync(ClientContext context, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.HeartbeatInterval, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                // Who joins is known to be alive, and learns of a further rebalance from the answer.
                if (_isJoining)
                    continue;
                var signal = _mustRejoin;
                var error = await member.HeartbeatAsync(cancellationToken);
                if (error != ErrorCode.None)
                    signal.TrySetResult(error);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogLeaving(context.Logger, groupId);
        }
    }

    private async Task HandBackAsync(ClientContext context, FetchQueue queue, bool isLost, CancellationToken cancellationToken)
    {
        var fetchers = queue.Fetchers.ToList();
        foreach (var fetcher in fetchers)
            fetcher.Stop();
        try
        {
            await queue.WhenReturnedAsync().WaitAsync(options.RebalanceTimeout, context.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            LogSlow(context.Logger, groupId, options.RebalanceTimeout);
        }
        if (options.IsAutoCommit && !isLost)
            await CommitAsync(context, queue, cancellationToken);
        if (options.OnRevoked is { } told && fetchers.Count > 0)
            await told([.. fetchers.Select(fetcher => new TopicPartition(fetcher.Topic, fetcher.Partition))]);
        foreach (var fetcher in fetchers)
            await queue.RemoveAsync(fetcher.Topic, fetcher.Partition);
    }

    private async Task CommitAsync(ClientContext context, FetchQueue queue, CancellationToken cancellationToken)
    {
        var due = queue.Fetchers.Where(fetcher => fetcher.Processed > fetcher.Committed)
            .Select(fetcher => (Fetcher: fetcher, Offset: fetcher.Processed)).ToList();
        if (due.Count == 0)
            return;
        try
        {
            await member.CommitAsync(
                [.. due.Select(entry => new GroupOffset(entry.Fetcher.Topic, entry.Fetcher.Partition, entry.Offset, -1, ""))],
                cancellationToken);
            foreach (var (fetcher, offset) in due)
                fetcher.Committed = offset;
        }
        catch (LoireException exception)
        {
            // What is not committed is read again by the next owner.
            LogNotCommitted(context.Logger, exception, groupId);
        }
    }

    /// <summary>The reading ends: no longer than a moment is spent on commit and farewell.</summary>
    private async Task FarewellAsync(ClientContext context, FetchQueue queue)
    {
        using var limit = new CancellationTokenSource(FarewellTimeout, context.Time);
        try
        {
            if (options.IsAutoCommit)
                await CommitAsync(context, queue, limit.Token);
            await member.LeaveAsync(limit.Token);
        }
        catch (Exception exception)
        {
            LogNotCommitted(context.Logger, exception, groupId);
        }
    }

    private static TaskCompletionSource<ErrorCode> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
