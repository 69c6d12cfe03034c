using System.Collections.Immutable;
using System.Globalization;
using Loire.Grains.Interfaces;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A coordinator of the classic protocol that expires nobody by itself.</summary>
/// <param name="idOf">Of the topic that has a name; null where none has.</param>
internal sealed class FakeGroup(Func<string, Guid?> idOf) : IConsumerGroupGrain
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string, int), GroupOffset> _offsets = [];
    private readonly Dictionary<string, Member> _members = [];
    private int _generation;
    private int _nextMember;
    private bool _isRebalancing;

    public int Generation
    {
        get
        {
            lock (_lock)
            {
                return _generation;
            }
        }
    }

    public int MembersCount
    {
        get
        {
            lock (_lock)
            {
                return _members.Count;
            }
        }
    }

    /// <summary>How often members were told to join again.</summary>
    public int Summons { get; private set; }

    public long? Committed(string topic, int partition)
    {
        lock (_lock)
        {
            return _offsets.TryGetValue((topic, partition), out var offset) ? offset.Offset : null;
        }
    }

    public async Task<GroupJoined> JoinAsync(GroupJoin join)
    {
        Task<GroupJoined> joined;
        lock (_lock)
        {
            if (join.MemberId.Length == 0)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"{join.ClientId}-{_nextMember++}");
                return new GroupJoined((short)ErrorCode.MemberIdRequired, -1, "", "", id, [], SkipsAssignment: false);
            }
            if (!_members.TryGetValue(join.MemberId, out var member))
                _members[join.MemberId] = member = new Member(join.MemberId);
            member.Protocol = join.Protocols[0];
            member.Joining = new TaskCompletionSource<GroupJoined>(TaskCreationOptions.RunContinuationsAsynchronously);
            joined = member.Joining.Task;
            _isRebalancing = true;
            CompleteJoinsLocked();
        }
        return await joined;
    }

    public async Task<GroupSynced> SyncAsync(GroupSync sync)
    {
        Task<GroupSynced> synced;
        lock (_lock)
        {
            if (Check(sync.Member) is var error and not ErrorCode.None)
                return new GroupSynced((short)error, default);
            var member = _members[sync.Member.MemberId];
            synced = member.Syncing.Task;
            foreach (var assignment in sync.Assignments)
                _members[assignment.MemberId].Syncing.TrySetResult(new GroupSynced(0, assignment.Assignment));
        }
        return await synced;
    }

    public Task<short> HeartbeatAsync(GroupMembership member)
    {
        lock (_lock)
        {
            var error = Check(member);
            if (error == ErrorCode.RebalanceInProgress)
                Summons++;
            return Task.FromResult((short)error);
        }
    }

    public Task<short> LeaveAsync(string memberId)
    {
        lock (_lock)
        {
            _members.Remove(memberId);
            _isRebalancing = true;
            CompleteJoinsLocked();
            return Task.FromResult((short)0);
        }
    }

    public Task<ImmutableArray<short>> CommitAsync(GroupMembership member, ImmutableArray<GroupOffset> offsets)
    {
        lock (_lock)
        {
            var error = member == GroupMembership.None ? ErrorCode.None : Check(member);
            // A member may commit until it has joined again.
            if (error is ErrorCode.None or ErrorCode.RebalanceInProgress)
            {
                error = ErrorCode.None;
                foreach (var offset in offsets.Where(offset => Find(offset) == ErrorCode.None))
                    _offsets[(offset.Topic, offset.Partition)] = offset with { TopicId = idOf(offset.Topic)!.Value };
            }
            return Task.FromResult(offsets
                .Select(offset => (short)(Find(offset) is var unknown && unknown != ErrorCode.None ? unknown : error))
                .ToImmutableArray());
        }
    }

    public Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(ImmutableArray<GroupPartition> partitions)
    {
        lock (_lock)
        {
            return Task.FromResult(partitions.Select(partition =>
                _offsets.TryGetValue((partition.Topic, partition.Partition), out var offset) && offset.TopicId == idOf(offset.Topic)
                    ? offset
                    : new GroupOffset(partition.Topic, partition.Partition, -1, -1, offset?.Metadata ?? "", offset?.TopicId ?? default))
                .ToImmutableArray());
        }
    }

    public Task<ImmutableArray<GroupOffset>> GetAllOffsetsAsync()
    {
        lock (_lock)
        {
            return Task.FromResult<ImmutableArray<GroupOffset>>([.. _offsets.Values]);
        }
    }

    public Task<short> DeleteAsync() => throw new NotSupportedException();

    public Task<GroupDescription?> DescribeAsync()
    {
        lock (_lock)
        {
            return Task.FromResult<GroupDescription?>(new GroupDescription("Stable", "range", [.. _members.Keys]));
        }
    }

    private ErrorCode Find(GroupOffset offset) =>
        offset.TopicId != Guid.Empty && offset.TopicId != idOf(offset.Topic) ? ErrorCode.UnknownTopicId
        : idOf(offset.Topic) is null ? ErrorCode.UnknownTopicOrPartition
        : ErrorCode.None;

    private ErrorCode Check(GroupMembership member) =>
        !_members.ContainsKey(member.MemberId) ? ErrorCode.UnknownMemberId
        : member.Generation != _generation ? ErrorCode.IllegalGeneration
        : _isRebalancing ? ErrorCode.RebalanceInProgress
        : ErrorCode.None;

    private void CompleteJoinsLocked()
    {
        foreach (var member in _members.Values)
            member.Syncing.TrySetResult(new GroupSynced((short)ErrorCode.RebalanceInProgress, default));
        if (_members.Count == 0 || _members.Values.Any(member => member.Joining is null))
            return;
        _generation++;
        _isRebalancing = false;
        var leader = _members.Keys.Order(StringComparer.Ordinal).First();
        foreach (var member in _members.Values)
        {
            member.Syncing = new TaskCompletionSource<GroupSynced>(TaskCreationOptions.RunContinuationsAsynchronously);
            var members = member.Id == leader
                ? _members.Values.Select(other => new GroupMemberSubscription(other.Id, null, other.Protocol!.Metadata))
                : [];
            member.Joining!.SetResult(new GroupJoined(0, _generation, member.Protocol!.Name, leader, member.Id, [.. members], false));
            member.Joining = null;
        }
    }

    private sealed class Member(string id)
    {
        public string Id => id;
        public GroupProtocol? Protocol { get; set; }
        public TaskCompletionSource<GroupJoined>? Joining { get; set; }
        public TaskCompletionSource<GroupSynced> Syncing { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
