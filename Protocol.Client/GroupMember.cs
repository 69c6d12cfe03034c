using System.Buffers;
using Loire.Protocol.Groups;
using Loire.Protocol.Messages;

namespace Loire.Protocol.Client;

/// <summary>How a member keeps its place in a group.</summary>
public sealed record GroupMemberOptions
{
    /// <summary>Without a heartbeat for so long the group goes on without the member.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>How long the group waits for the member when it forms anew.</summary>
    public TimeSpan RebalanceTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(3);
}

/// <summary>A member of a consumer group (the classic protocol, eager): joins, shares the partitions with the others by
/// range, sends heartbeats, and leaves when it is disposed.</summary>
public sealed class GroupMember(KafkaClient client, GroupId group, IReadOnlyList<TopicName> topics, GroupMemberOptions options)
    : IAsyncDisposable
{
    /// <summary>How long a join may take: the others have their own time to come back, five minutes with Kafka's defaults.</summary>
    public static readonly TimeSpan RebalanceTimeoutMax = TimeSpan.FromMinutes(5);

    // Later versions add what an eager member has no use for.
    private const short HighestJoinVersion = 5;
    private const short HighestSyncVersion = 3;
    private const short HighestHeartbeatVersion = 3;
    private const short HighestLeaveVersion = 3;
    private const short HighestCommitVersion = 7;

    private string _memberId = "";
    private int _generation = -1;
    private CancellationTokenSource _rebalance = new();
    private CancellationTokenSource _stopHeartbeats = new();
    private Task _heartbeats = Task.CompletedTask;

    /// <summary>Cancelled when the partitions of the last <see cref="JoinAsync"/> are no longer this member's to keep: commit
    /// what was read, and join again.</summary>
    public CancellationToken Rebalance => _rebalance.Token;

    /// <summary>Joins, or joins again, and waits until the group has shared out the partitions.</summary>
    /// <returns>This member's; none where there are more members than partitions.</returns>
    /// <exception cref="KafkaClientException">The group does not take this member.</exception>
    public async Task<IReadOnlyList<TopicPartition>> JoinAsync(CancellationToken cancellationToken)
    {
        await StopHeartbeatsAsync();
        _rebalance.Dispose();
        _rebalance = new CancellationTokenSource();
        while (true)
        {
            try
            {
                var joined = await client.RetryAsync(JoinOnceAsync, cancellationToken);
                var assigned = await client.RetryAsync(cancelled => SyncOnceAsync(joined, cancelled), cancellationToken);
                _stopHeartbeats = new CancellationTokenSource();
                _heartbeats = HeartbeatAsync(_stopHeartbeats.Token);
                return assigned;
            }
            catch (KafkaClientException moved) when (HasMovedOn(moved.Error))
            {
                Forget(moved.Error);
            }
        }
    }

    /// <summary>Commits offsets as this member of the present generation.</summary>
    /// <returns>False where the group has moved on: the records may be read again by another member.</returns>
    public async Task<bool> CommitAsync(IReadOnlyDictionary<TopicPartition, Offset> offsets, CancellationToken cancellationToken)
    {
        if (offsets.Count == 0)
            return true;
        var request = new OffsetCommitRequest
        {
            GroupId = group,
            GenerationIdOrMemberEpoch = _generation,
            MemberId = _memberId,
            Topics =
            [
                .. offsets.GroupBy(entry => entry.Key.Topic).Select(topic => new OffsetCommitRequest.OffsetCommitRequestTopic
                {
                    Name = topic.Key,
                    Partitions =
                    [
                        .. topic.Select(entry => new OffsetCommitRequest.OffsetCommitRequestPartition
                        {
                            PartitionIndex = entry.Key.Partition,
                            CommittedOffset = entry.Value,
                        }),
                    ],
                }),
            ],
        };
        try
        {
            await client.RetryAsync(
                async cancelled =>
                {
                    var response = await AskAsync<OffsetCommitRequest, OffsetCommitResponse>(request, HighestCommitVersion, cancelled);
                    foreach (var partition in response.Topics.SelectMany(topic => topic.Partitions))
                        Check(partition.ErrorCode);
                    return true;
                },
                cancellationToken);
            return true;
        }
        catch (KafkaClientException moved) when (HasMovedOn(moved.Error))
        {
            await _rebalance.CancelAsync();
            return false;
        }
    }

    /// <summary>Leaves, so that the others need not wait for this member's session to end.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopHeartbeatsAsync();
        try
        {
            if (_memberId.Length > 0)
            {
                await AskAsync<LeaveGroupRequest, LeaveGroupResponse>(
                    new LeaveGroupRequest { GroupId = group, Members = [new() { MemberId = _memberId }] },
                    HighestLeaveVersion,
                    CancellationToken.None);
            }
        }
        catch (KafkaClientException)
        {
            // Then the session timeout ends the membership.
        }
        _rebalance.Dispose();
    }

    private async Task<JoinGroupResponse> JoinOnceAsync(CancellationToken cancellationToken)
    {
        var subscription = new ReadOnlySequence<byte>(ConsumerProtocol.WriteSubscription(new Subscription(topics)));
        while (true)
        {
            var request = new JoinGroupRequest
            {
                GroupId = group,
                MemberId = _memberId,
                SessionTimeoutMs = (int)options.SessionTimeout.TotalMilliseconds,
                RebalanceTimeoutMs = (int)options.RebalanceTimeout.TotalMilliseconds,
                ProtocolType = ConsumerProtocol.Type,
                Protocols = [new() { Name = PartitionAssignor.Range.Name, Metadata = subscription }],
            };
            var response = await AskAsync<JoinGroupRequest, JoinGroupResponse>(request, HighestJoinVersion, cancellationToken);
            _memberId = response.MemberId.Length > 0 ? response.MemberId : _memberId;
            if (response.ErrorCode == ErrorCode.MemberIdRequired)
                continue;
            Check(response.ErrorCode);
            _generation = response.GenerationId;
            return response;
        }
    }

    private async Task<IReadOnlyList<TopicPartition>> SyncOnceAsync(JoinGroupResponse joined, CancellationToken cancellationToken)
    {
        var request = new SyncGroupRequest { GroupId = group, GenerationId = _generation, MemberId = _memberId };
        if (joined.Leader == _memberId)
        {
            var assigned = await AssignAsync(joined, cancellationToken);
            request.Assignments =
            [
                .. assigned.Select(member => new SyncGroupRequest.SyncGroupRequestAssignment
                {
                    MemberId = member.Key,
                    Assignment = new ReadOnlySequence<byte>(ConsumerProtocol.WriteAssignment(member.Value)),
                }),
            ];
        }
        var response = await AskAsync<SyncGroupRequest, SyncGroupResponse>(request, HighestSyncVersion, cancellationToken);
        Check(response.ErrorCode);
        return ConsumerProtocol.ReadAssignment(response.Assignment);
    }

    private async Task<Dictionary<string, List<TopicPartition>>> AssignAsync(
        JoinGroupResponse joined, CancellationToken cancellationToken)
    {
        var members = joined.Members.ConvertAll(member => new Subscriber(
            member.MemberId, member.GroupInstanceId, ConsumerProtocol.ReadSubscription(member.Metadata)));
        var wanted = members.SelectMany(member => member.Subscription.Topics).Distinct();
        var metadata = await client.GetMetadataAsync(wanted, allowAutoTopicCreation: false, cancellationToken);
        var counts = metadata.Topics.Where(topic => topic.ErrorCode == ErrorCode.None)
            .ToDictionary(topic => topic.Name!.Value, topic => topic.Partitions.Count);
        return PartitionAssignor.Range.Assign(members, counts);
    }

    private async Task HeartbeatAsync(CancellationToken stop)
    {
        var request = new HeartbeatRequest { GroupId = group, GenerationId = _generation, MemberId = _memberId };
        using var timer = new PeriodicTimer(options.HeartbeatInterval, client.Options.TimeProvider);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var response = await client.RetryAsync(
                    cancelled => AskAsync<HeartbeatRequest, HeartbeatResponse>(request, HighestHeartbeatVersion, cancelled), stop);
                if (response.ErrorCode is ErrorCode.None || response.ErrorCode.IsRetriable())
                    continue;
                Forget(response.ErrorCode);
                break;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return;
        }
        catch (KafkaClientException)
        {
            // The coordinator is out of reach; joining again says so if it stays so.
        }
        await _rebalance.CancelAsync();
    }

    private async Task StopHeartbeatsAsync()
    {
        await _stopHeartbeats.CancelAsync();
        await _heartbeats;
        _stopHeartbeats.Dispose();
        _stopHeartbeats = new CancellationTokenSource();
    }

    private async Task<TResponse> AskAsync<TRequest, TResponse>(TRequest request, short highestVersion, CancellationToken cancellationToken)
        where TRequest : class, Wire.IMessage<TRequest>
        where TResponse : class, Wire.IMessage<TResponse>
    {
        var coordinator = await client.GetCoordinatorConnectionAsync(group, cancellationToken);
        return await coordinator.SendAsync<TRequest, TResponse>(request, cancellationToken, highestVersion);
    }

    private void Check(ErrorCode error) => KafkaClientException.ThrowIfError(error, detail: null, $"Group {group}");

    /// <summary>A member that the group does not know any more comes back as a new one.</summary>
    private void Forget(ErrorCode error)
    {
        if (error == ErrorCode.UnknownMemberId)
            _memberId = "";
    }

    private static bool HasMovedOn(ErrorCode error) =>
        error is ErrorCode.RebalanceInProgress or ErrorCode.IllegalGeneration or ErrorCode.UnknownMemberId;
}
