using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>Coordinates the groups of one partition of __consumer_offsets. Commands, time and the fate of its writes come
/// in; records to append and answers go out through a <see cref="CoordinatorStep"/>. One caller at a time.
/// <para>The invariant that makes it safe to lose: a group's durable state (its recorded generation and its offsets) is
/// the map that the committed records of the log make, nothing more. It is changed only by <see cref="Apply"/>, which
/// sees each record once, in log order, when it is loaded or when it is committed. So a refused write has nothing to undo,
/// a read never shows what may yet be lost, and an answer that promises something durable (an offset, an assignment, a
/// static member's new id, a deletion) leaves only in <see cref="Committed"/>. Live state (who waits, timers, votes) may
/// run ahead of the log, because it promises nothing.</para></summary>
public sealed class GroupCoordinatorCore
{
    private readonly CoordinatorState _state;
    private readonly RebalanceCore _rebalance;
    private readonly JoinCore _join;
    private readonly SyncCore _sync;
    private readonly SessionsCore _sessions;
    private readonly OffsetsCore _offsets;
    private readonly ExpiryCore _expiry;

    public GroupCoordinatorCore(IBrokerConfigs configs)
    {
        _state = new CoordinatorState(configs);
        _rebalance = new RebalanceCore(_state);
        _join = new JoinCore(_state, _rebalance);
        _sync = new SyncCore(_state, _rebalance);
        _sessions = new SessionsCore(_state, _rebalance);
        _offsets = new OffsetsCore(_state);
        _expiry = new ExpiryCore(_state);
    }

    /// <summary>When <see cref="Tick"/> is due, on the monotonic clock; null for never. May be early, is never
    /// late.</summary>
    public long? NextDeadlineMs => _state.Deadlines.NextMs;

    public int GroupCount => _state.GroupCount;

    /// <summary>Applies one record of the log while loading.</summary>
    public void Replay(CoordinatorRecord record, CoordinatorTime now) => Apply(record, now);

    /// <summary>Ends loading: generations on record live again, and every member has its session timeout to come
    /// back.</summary>
    public void Loaded(CoordinatorStep step)
    {
        foreach (var group in _state.Groups.Where(group => group.Recorded is not null).ToList())
        {
            group.Restore(group.Recorded!);
            foreach (var member in group.Members)
                _state.RenewSession(member, step.Now);
            if (group.MemberCount > _state.Config.GroupMaxSize)
                _rebalance.Prepare(group, $"{group.MemberCount} members are over group.max.size", step);
        }
        _expiry.ScheduleCheck(step);
    }

    public void Handle(GroupCommand command, CoordinatorStep step)
    {
        if (command.Group.Value.Length == 0 && !command.AllowsEmptyGroupId)
        {
            command.Fail(ErrorCode.InvalidGroupId, step);
            return;
        }
        if (command is OffsetFetchCommand fetch)
        {
            _offsets.Fetch(fetch, step);
            return;
        }
        if (_state.TryFind(command.Group, out var group) && group.Writes.IsShut)
        {
            group.Writes.Hold(command);
            return;
        }
        switch (command)
        {
            case JoinGroupCommand join:
                _join.Join(join, step);
                break;
            case SyncGroupCommand sync:
                _sync.Sync(sync, step);
                break;
            case HeartbeatCommand heartbeat:
                _sessions.Heartbeat(heartbeat, step);
                break;
            case LeaveGroupCommand leave:
                _sessions.Leave(leave, step);
                break;
            case OffsetCommitCommand commit:
                _offsets.Commit(commit, step);
                break;
            case OffsetDeleteCommand delete:
                _offsets.Delete(delete, step);
                break;
            case DeleteGroupCommand deleteGroup:
                _expiry.DeleteGroup(deleteGroup, step);
                break;
            default:
                throw new ArgumentException($"no handling of {command.GetType().Name}", nameof(command));
        }
    }

    public void ForgetTopic(TopicName topic, TopicId id, CoordinatorStep step) => _expiry.ForgetTopic(topic, id, step);

    /// <summary>Does what is due at the step's time.</summary>
    public void Tick(CoordinatorStep step)
    {
        while (_state.Deadlines.TakeDue(step.Now.MonotonicMs) is { } due)
        {
            switch (due.Kind)
            {
                case DeadlineKind.Session:
                    _sessions.SessionDue(due.Group!, due.MemberId, step);
                    break;
                case DeadlineKind.Join:
                    _rebalance.JoinDue(due.Group!, step);
                    break;
                case DeadlineKind.Sync:
                    _sync.SyncDue(due.Group!, step);
                    break;
                default:
                    _expiry.CheckDue(step);
                    break;
            }
        }
    }

    /// <summary>The next <paramref name="count"/> records of a write are committed. Called in the order of the
    /// log.</summary>
    public void Committed(CoordinatorWrite write, int count, CoordinatorStep step)
    {
        for (var i = 0; i < count; i++)
            Apply(write.Records[write.AppliedCount++], step.Now);
        if (write.AppliedCount == write.Records.Count)
            Settle(write, ErrorCode.None, step);
    }

    /// <summary>The records of a write that are not committed yet never will be.</summary>
    /// <param name="error">As the client is to be told.</param>
    public void Refused(CoordinatorWrite write, ErrorCode error, CoordinatorStep step) => Settle(write, error, step);

    /// <summary>Answers all who wait, writes included, with <paramref name="error"/>: the coordinator moves or starts anew
    /// from its log. It is not used after this.</summary>
    public void Unload(ErrorCode error, CoordinatorStep step)
    {
        foreach (var group in _state.Groups.ToList())
        {
            foreach (var command in group.Writes.Open())
                command.Fail(error, step);
            foreach (var member in group.Members)
            {
                JoinCore.AnswerJoin(group, member, error, member.MemberId, step);
                if (member.AwaitingSync is not { } replyTo)
                    continue;
                member.AwaitingSync = null;
                step.Reply(replyTo, SyncGroupReply.Failed(error));
            }
        }
        foreach (var write in _state.InFlight.ToList())
            write.Settled?.Invoke(step, error);
    }

    /// <returns>Null where there is no such group.</returns>
    public DescribedGroup? Describe(GroupId id) =>
        _state.TryFind(id, out var group) && group.IsVisible ? GroupDescriptions.Describe(group) : null;

    public IReadOnlyList<ListedGroup> List() =>
        [.. _state.Groups.Where(group => group.IsVisible).Select(GroupDescriptions.List)];

    /// <summary>The keys of the durable state, as records without value.</summary>
    public IReadOnlyList<CoordinatorRecord> DurableKeys() =>
    [
        .. _state.Groups.SelectMany(group => group.Offsets.All()
            .Select(CoordinatorRecord (entry) => new OffsetRecord(group.Id, entry.Partition, null))
            .Concat(group.Recorded is null ? [] : [new GroupMetadataRecord(group.Id, null)])),
    ];

    /// <summary>The durable value of a key as a record; null where it has none any more.</summary>
    public CoordinatorRecord? ReadDurable(CoordinatorRecord key)
    {
        if (!_state.TryFind(key.Group, out var group))
            return null;
        return key switch
        {
            OffsetRecord offset when group.Offsets.Find(offset.Partition) is { } value => offset with { Value = value },
            GroupMetadataRecord metadata when group.Recorded is { } value => metadata with { Value = value },
            _ => null,
        };
    }

    private void Apply(CoordinatorRecord record, CoordinatorTime now)
    {
        var group = _state.GetOrCreate(record.Group, now);
        switch (record)
        {
            case OffsetRecord offset:
                group.Offsets.Apply(offset.Partition, offset.Value);
                break;
            case GroupMetadataRecord metadata:
                group.Recorded = metadata.Value;
                break;
        }
        _state.ForgetIfVoid(group);
    }

    private void Settle(CoordinatorWrite write, ErrorCode error, CoordinatorStep step)
    {
        var group = write.Group;
        _state.InFlight.Remove(write);
        group.Writes.Ended(write);
        write.Settled?.Invoke(step, error);
        if (group.Writes is not { IsShut: true, InFlight: 0 })
        {
            _state.ForgetIfVoid(group);
            return;
        }

        // The deletion that the gate was shut for is committed, or refused, or the first of those held.
        foreach (var command in group.Writes.Open())
            Handle(command, step);
        _state.ForgetIfVoid(group);
    }
}
