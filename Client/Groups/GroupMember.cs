using System.Buffers;
using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>A member's talk with its group's coordinator: keeps its id and generation, repeats what may pass.</summary>
internal sealed partial class GroupMember(
    ClientContext context, string groupId, IReadOnlyList<string> topics, GroupConsumerOptions options)
{
    private string _memberId = "";
    private int _generation = -1;

    private IConsumerGroupGrain Grain => context.Grains.Group(groupId);

    /// <summary>Joins, or joins again, and waits until the group has its generation.</summary>
    /// <exception cref="LoireException">The group does not take this member.</exception>
    public async Task<GroupJoined> JoinAsync(CancellationToken cancellationToken)
    {
        var subscription = ConsumerProtocol.WriteSubscription(new Subscription([.. topics.Select(topic => new TopicName(topic))]));
        var protocols = options.Strategies
            .Select(strategy => new GroupProtocol(strategy.ToAssignor().Name, subscription)).ToImmutableArray();
        for (var backoff = default(Backoff); ;)
        {
            var joined = await TryAsync(
                () => Grain.JoinAsync(new GroupJoin(
                    _memberId,
                    options.GroupInstanceId,
                    options.ClientId,
                    (int)options.SessionTimeout.TotalMilliseconds,
                    (int)options.RebalanceTimeout.TotalMilliseconds,
                    protocols)),
                error => new GroupJoined((short)error, -1, "", "", "", []),
                cancellationToken);
            switch ((ErrorCode)joined.Error)
            {
                case ErrorCode.None:
                    (_memberId, _generation) = (joined.MemberId, joined.Generation);
                    return joined;
                case ErrorCode.MemberIdRequired:
                    _memberId = joined.MemberId;
                    continue;
                case ErrorCode.UnknownMemberId or ErrorCode.IllegalGeneration or ErrorCode.RebalanceInProgress:
                    Forget((ErrorCode)joined.Error);
                    break;
                case var error when !Failures.MayPass(error):
                    throw error.ToException($"Joining group '{groupId}'");
            }
            await Task.Delay(backoff.Next(), context.Time, cancellationToken);
        }
    }

    /// <summary>Hands in the assignments, where this member leads, and learns its own.</summary>
    /// <returns>Null where the group has moved on: join again.</returns>
    public async Task<IReadOnlyList<TopicPartition>?> SyncAsync(
        ImmutableArray<GroupMemberAssignment> assignments, CancellationToken cancellationToken)
    {
        for (var backoff = default(Backoff); ;)
        {
            var synced = await TryAsync(
                () => Grain.SyncAsync(new GroupSync(_memberId, _generation, assignments)),
                error => new GroupSynced((short)error, default),
                cancellationToken);
            switch ((ErrorCode)synced.Error)
            {
                case ErrorCode.None:
                    return
                    [
                        .. ConsumerProtocol.ReadAssignment(new ReadOnlySequence<byte>(synced.Assignment))
                            .Select(partition => new TopicPartition(partition.Topic.Value, partition.Partition.Value)),
                    ];
                case ErrorCode.UnknownMemberId or ErrorCode.IllegalGeneration or ErrorCode.RebalanceInProgress:
                    Forget((ErrorCode)synced.Error);
                    return null;
                case var error when !Failures.MayPass(error):
                    throw error.ToException($"Joining group '{groupId}'");
            }
            await Task.Delay(backoff.Next(), context.Time, cancellationToken);
        }
    }

    /// <returns>NONE also where the coordinator could not be asked: the session timeout decides then.</returns>
    public async Task<ErrorCode> HeartbeatAsync(CancellationToken cancellationToken)
    {
        var error = (ErrorCode)await TryAsync(
            () => Grain.HeartbeatAsync(_memberId, _generation), error => (short)error, cancellationToken);
        return Failures.MayPass(error) ? ErrorCode.None : error;
    }

    /// <summary>A member without an id is a new one; the rebalance that it is told of keeps the id.</summary>
    public void Forget(ErrorCode error)
    {
        if (error == ErrorCode.UnknownMemberId)
            _memberId = "";
    }

    /// <summary>A static member does not leave: its place waits for it.</summary>
    public async Task LeaveAsync(CancellationToken cancellationToken)
    {
        if (_memberId.Length > 0 && options.GroupInstanceId is null)
            await TryAsync(() => Grain.LeaveAsync(_memberId), error => (short)error, cancellationToken);
    }

    /// <exception cref="LoireException">The offsets are not stored; ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID where the
    /// partitions have gone to another member.</exception>
    public Task CommitAsync(ImmutableArray<GroupOffset> offsets, CancellationToken cancellationToken)
    {
        var (memberId, generation) = (_memberId, _generation);
        return Retry.RunAsync(
            context,
            $"Committing for group '{groupId}'",
            async () =>
            {
                foreach (var error in await Grain.CommitAsync(memberId, generation, offsets))
                {
                    if (error != 0)
                        throw ((ErrorCode)error).ToException($"Committing for group '{groupId}'");
                }
                return true;
            },
            cancellationToken);
    }

    /// <returns>Offset -1 where none is committed.</returns>
    public Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(
        IEnumerable<TopicPartition> partitions, CancellationToken cancellationToken)
    {
        var wanted = partitions.Select(partition => new GroupPartition(partition.Topic, partition.Partition)).ToImmutableArray();
        return Retry.RunAsync(
            context, $"Reading the offsets of group '{groupId}'", () => Grain.GetOffsetsAsync(wanted), cancellationToken);
    }

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
