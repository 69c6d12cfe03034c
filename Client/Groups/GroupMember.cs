using System.Buffers;
using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol.Groups;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>A member's talk with its group's coordinator: keeps its id and generation, repeats what may pass.</summary>
internal sealed partial class GroupMember(
    ClientContext context, string groupId, IReadOnlyList<string> topics, GroupConsumerOptions options)
{
    /// <summary>An answer that waits for the others comes, as the Java client has it, so long after their time is over.</summary>
    private static readonly TimeSpan AnswerMargin = TimeSpan.FromSeconds(5);

    private readonly GroupMembership _none = new("", options.GroupInstanceId, -1);
    private readonly CoordinatorCall _coordinator = new(context, groupId);
    private volatile GroupMembership? _membership;

    public string GroupId => groupId;
    public IReadOnlyList<string> Topics => topics;
    public GroupConsumerOptions Options => options;

    /// <summary>It goes on reading while the group forms anew.</summary>
    public bool IsCooperative { get; } =
        options.Strategies.All(strategy => strategy == AssignmentStrategy.CooperativeSticky);

    private GroupMembership Membership => _membership ?? _none;

    private IConsumerGroupGrain Grain => context.Grains.Group(groupId);

    /// <summary>Joins, or joins again, and waits until the group has its generation.</summary>
    /// <returns>With the error UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION or REBALANCE_IN_PROGRESS where the group has moved
    /// on.</returns>
    /// <exception cref="LoireException">The group does not take this member.</exception>
    public async Task<GroupJoined> JoinAsync(Subscription subscription, CancellationToken cancellationToken)
    {
        var metadata = ConsumerProtocol.WriteSubscription(subscription);
        var protocols = options.Strategies
            .Select(strategy => new GroupProtocol(strategy.ToAssignor().Name, metadata)).ToImmutableArray();
        for (var backoff = default(Backoff); ;)
        {
            var join = new GroupJoin(
                Membership.MemberId,
                options.GroupInstanceId,
                options.ClientId,
                (int)options.SessionTimeout.TotalMilliseconds,
                (int)options.RebalanceTimeout.TotalMilliseconds,
                protocols);
            var joined = await TryAsync(
                () => WaitForOthersAsync(grain => grain.JoinAsync(join), cancellationToken),
                error => new GroupJoined((short)error, -1, "", "", "", [], SkipsAssignment: false),
                cancellationToken);
            var error = (ErrorCode)joined.Error;
            if (error == ErrorCode.MemberIdRequired)
            {
                _membership = _none with { MemberId = joined.MemberId };
                continue;
            }
            if (error == ErrorCode.None)
            {
                _membership = _none with { MemberId = joined.MemberId, Generation = joined.Generation };
                return joined;
            }
            if (!HasMovedOn(error) && !Failures.MayPass(error))
                throw error.ToException($"Joining group '{groupId}'");
            await Task.Delay(backoff.Next(), context.Time, cancellationToken);
            if (HasMovedOn(error))
                return joined;
        }
    }

    /// <summary>Hands in the assignments, where this member leads, and learns its own.</summary>
    /// <returns>An error as from <see cref="JoinAsync"/> where the group has moved on.</returns>
    public async Task<(ErrorCode Error, IReadOnlyList<TopicPartition> Assigned)> SyncAsync(
        ImmutableArray<GroupMemberAssignment> assignments, CancellationToken cancellationToken)
    {
        for (var backoff = default(Backoff); ;)
        {
            var sync = new GroupSync(Membership, assignments);
            var synced = await TryAsync(
                () => WaitForOthersAsync(grain => grain.SyncAsync(sync), cancellationToken),
                error => new GroupSynced((short)error, default),
                cancellationToken);
            var error = (ErrorCode)synced.Error;
            if (error == ErrorCode.None)
            {
                var assigned = ConsumerProtocol.ReadAssignment(new ReadOnlySequence<byte>(synced.Assignment));
                return (error, [.. assigned.Select(TopicPartition.From)]);
            }
            if (HasMovedOn(error))
                return (error, []);
            if (!Failures.MayPass(error))
                throw error.ToException($"Joining group '{groupId}'");
            await Task.Delay(backoff.Next(), context.Time, cancellationToken);
        }
    }

    /// <returns>NONE also where the coordinator could not be asked: the session timeout decides then.</returns>
    public async Task<ErrorCode> HeartbeatAsync(CancellationToken cancellationToken)
    {
        var error = (ErrorCode)await TryAsync(
            () => Grain.HeartbeatAsync(Membership), error => (short)error, cancellationToken);
        return Failures.MayPass(error) ? ErrorCode.None : error;
    }

    /// <summary>A member that the group does not know any more comes back as a new one.</summary>
    public void Forget(ErrorCode error)
    {
        if (error == ErrorCode.UnknownMemberId)
            _membership = null;
    }

    /// <summary>A static member does not leave: its place waits for it.</summary>
    public async Task LeaveAsync(CancellationToken cancellationToken)
    {
        var left = Membership;
        _membership = null;
        if (left is { MemberId.Length: > 0, InstanceId: null })
            await TryAsync(() => Grain.LeaveAsync(left.MemberId), error => (short)error, cancellationToken);
    }

    /// <summary>Waits for a rebalance that is under way.</summary>
    /// <param name="isOwned">Whether this member still has the partitions: a later generation's is not to commit what an
    /// earlier one read.</param>
    /// <exception cref="LoireException">The offsets are not stored; ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID where the
    /// partitions have gone to another member. With UNKNOWN_TOPIC_OR_PARTITION and UNKNOWN_TOPIC_ID those of a topic that was
    /// deleted are not, and the others are.</exception>
    public async Task CommitAsync(
        ImmutableArray<GroupOffset> offsets, Func<bool> isOwned, CancellationToken cancellationToken)
    {
        var started = context.Time.GetTimestamp();
        for (var backoff = default(Backoff); ;)
        {
            var membership = Membership;
            var error = membership.MemberId.Length == 0 ? ErrorCode.UnknownMemberId
                : !isOwned() ? ErrorCode.IllegalGeneration
                : (ErrorCode)await TryAsync(
                    async () => (await Grain.CommitAsync(membership, offsets)).FirstOrDefault(error => error != 0),
                    error => (short)error,
                    cancellationToken);
            if (error == ErrorCode.None)
                return;
            if (error is ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId)
                await EnsureExistAsync(offsets, cancellationToken);
            var mayPass = Failures.MayPass(error) || error == ErrorCode.RebalanceInProgress
                || (HasMovedOn(error) && membership != Membership);
            if (!mayPass || context.Time.GetElapsedTime(started) >= Retry.Patience)
                throw error.ToException($"Committing for group '{groupId}'");
            await Task.Delay(backoff.Next(), context.Time, cancellationToken);
        }
    }

    /// <returns>Offset -1 where none is committed.</returns>
    public Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(
        IEnumerable<TopicPartition> partitions, CancellationToken cancellationToken)
    {
        var wanted = partitions.Select(partition => new GroupPartition(partition.Topic, partition.Partition)).ToImmutableArray();
        return Retry.RunAsync(
            context, $"Reading the offsets of group '{groupId}'", () => Grain.GetOffsetsAsync(wanted), cancellationToken);
    }

    /// <summary>The coordinator may not have heard yet of a topic; its controller has the last word.</summary>
    private async Task EnsureExistAsync(ImmutableArray<GroupOffset> offsets, CancellationToken cancellationToken)
    {
        foreach (var offset in offsets.DistinctBy(offset => (offset.Topic, offset.TopicId)))
        {
            var known = await context.Topics.RefreshAsync(offset.Topic, cancellationToken)
                ?? throw Failures.UnknownTopic(offset.Topic);
            if (offset.TopicId != Guid.Empty && offset.TopicId != known.Id)
            {
                throw ErrorCode.UnknownTopicId.ToException(
                    $"Committing for group '{groupId}'", $"'{offset.Topic}' was deleted, and is another topic now");
            }
        }
    }

    private static bool HasMovedOn(ErrorCode error) =>
        error is ErrorCode.UnknownMemberId or ErrorCode.IllegalGeneration or ErrorCode.RebalanceInProgress;

    private Task<T> WaitForOthersAsync<T>(Func<IConsumerGroupGrain, Task<T>> call, CancellationToken cancellationToken) =>
        _coordinator.RunAsync(call, options.RebalanceTimeout + AnswerMargin, cancellationToken);

    private async Task<T> TryAsync<T>(Func<Task<T>> call, Func<ErrorCode, T> failed, CancellationToken cancellationToken)
    {
        try
        {
            return await call().WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (Failures.MayPass(exception))
        {
            LogRepeated(context.Logger, groupId, exception.Message);
            return failed(exception is LoireException refused ? (ErrorCode)refused.Error : ErrorCode.NetworkException);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A call to the coordinator of group '{Group}' failed: {Reason}")]
    private static partial void LogRepeated(ILogger logger, string group, string reason);
}
