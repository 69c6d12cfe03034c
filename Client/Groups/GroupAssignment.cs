using System.Collections.Immutable;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Gives a consumer the partitions that its group gives it. An eager member hands everything back before it joins
/// again; a cooperative one goes on reading and hands back what the new assignment takes from it (KIP-429).</summary>
internal sealed partial class GroupAssignment(ClientContext context, FetchQueue queue, GroupMember member) : IAssignment
{
    private static readonly TimeSpan TopicsCheckEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(5);

    private readonly GroupPartitions _partitions = new(context, queue, member);
    private readonly GroupLeader _leader = new(context, member);

    private TaskCompletionSource<ErrorCode> _mustRejoin = NewSignal();
    private volatile bool _isJoining = true;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var heartbeats = HeartbeatAsync(stop.Token);
        try
        {
            while (true)
            {
                var reason = await TakePartAsync(cancellationToken);
                LoireClientTelemetry.Rebalances.Add(1, LoireClientTelemetry.Group(member.GroupId));
                LogRebalance(context.Logger, member.GroupId, reason);
                if (reason == ErrorCode.RebalanceInProgress && member.IsCooperative)
                    await _partitions.CommitAsync(cancellationToken);
                else
                    await _partitions.ReleaseAllAsync(isLost: reason != ErrorCode.RebalanceInProgress, cancellationToken);
                if (reason == ErrorCode.FencedInstanceId)
                    throw reason.ToException($"Reading in group '{member.GroupId}' as '{member.Options.GroupInstanceId}'");
                member.Forget(reason);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await heartbeats;
            await FarewellAsync();
        }
    }

    /// <summary>A generation of the group: joins, reads what it is given, until the group moves on.</summary>
    /// <returns>REBALANCE_IN_PROGRESS to join again, another error where the membership is lost.</returns>
    private async Task<ErrorCode> TakePartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _isJoining = true;
            var joined = await member.JoinAsync(_partitions.Describe(), cancellationToken);
            if (joined.Error != (short)ErrorCode.None)
                return (ErrorCode)joined.Error;
            var assignments = ImmutableArray<Grains.Interfaces.GroupMemberAssignment>.Empty;
            IReadOnlyDictionary<TopicName, TopicShape> watched = ImmutableDictionary<TopicName, TopicShape>.Empty;
            if (joined.LeaderId == joined.MemberId)
                (assignments, watched) = await _leader.AssignAsync(joined, cancellationToken);
            var (error, assigned) = await member.SyncAsync(assignments, cancellationToken);
            if (error != ErrorCode.None)
                return error;
            _mustRejoin = NewSignal();
            _isJoining = false;
            var isAwaited = await _partitions.TakeUpAsync(assigned, joined.Generation, cancellationToken);
            return isAwaited ? ErrorCode.RebalanceInProgress : await StayAsync(watched, cancellationToken);
        }
        catch (Exception exception) when (Failures.MayPass(exception))
        {
            LogRepeated(context.Logger, exception, member.GroupId);
            return ErrorCode.RebalanceInProgress;
        }
    }

    /// <summary>Reads until the group rebalances; commits meanwhile, and as the leader looks out for new partitions.</summary>
    private async Task<ErrorCode> StayAsync(IReadOnlyDictionary<TopicName, TopicShape> watched, CancellationToken cancellationToken)
    {
        var checkedTimestamp = context.Time.GetTimestamp();
        while (true)
        {
            var tick = Task.Delay(member.Options.AutoCommitInterval, context.Time, cancellationToken);
            if (await Task.WhenAny(_mustRejoin.Task, tick) == _mustRejoin.Task)
                return await _mustRejoin.Task;
            await tick;
            await _partitions.ReleaseGoneAsync(cancellationToken);
            await _partitions.CommitAsync(cancellationToken);
            if (watched.Count == 0 || context.Time.GetElapsedTime(checkedTimestamp) < TopicsCheckEvery)
                continue;
            checkedTimestamp = context.Time.GetTimestamp();
            if (await _leader.HaveChangedAsync(watched, cancellationToken))
                return ErrorCode.RebalanceInProgress;
        }
    }

    private async Task HeartbeatAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(member.Options.HeartbeatInterval, context.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                // Who joins is known to be alive, and learns of a further rebalance from the answer.
                if (_isJoining)
                    continue;
                await HeartbeatAsync(_mustRejoin, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogLeaving(context.Logger, member.GroupId);
        }
    }

    private async Task HeartbeatAsync(TaskCompletionSource<ErrorCode> mustRejoin, CancellationToken cancellationToken)
    {
        try
        {
            var error = await member.HeartbeatAsync(cancellationToken);
            if (error != ErrorCode.None)
                mustRejoin.TrySetResult(error);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            mustRejoin.TrySetException(exception);
        }
    }

    /// <summary>The reading ends: no longer than a moment is spent on commit and farewell, and neither costs the other's.</summary>
    private async Task FarewellAsync()
    {
        await TryAsync(_partitions.CommitAsync);
        await TryAsync(_ => _partitions.TellAllRevokedAsync());
        await TryAsync(member.LeaveAsync);
    }

    private async Task TryAsync(Func<CancellationToken, Task> farewell)
    {
        using var limit = new CancellationTokenSource(FarewellTimeout, context.Time);
        try
        {
            await farewell(limit.Token);
        }
        catch (Exception exception)
        {
            LogNoFarewell(context.Logger, exception, member.GroupId);
        }
    }

    private static TaskCompletionSource<ErrorCode> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Information, Message = "Group '{Group}' rebalances ({Reason})")]
    private static partial void LogRebalance(ILogger logger, string group, ErrorCode reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Group '{Group}': taking part failed; the member joins again")]
    private static partial void LogRepeated(ILogger logger, Exception exception, string group);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Leaving group '{Group}'")]
    private static partial void LogLeaving(ILogger logger, string group);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': the last offsets could not be committed, or the member not be signed off; its session will end")]
    private static partial void LogNoFarewell(ILogger logger, Exception exception, string group);
}
