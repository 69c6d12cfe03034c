using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>JoinGroup: who becomes a member, and whether that means a rebalance.</summary>
internal sealed class JoinCore(CoordinatorState state, RebalanceCore rebalance)
{
    /// <summary>How long a member that was never told its id may wait in a join: its client cannot send heartbeats yet,
    /// and one that gave up would otherwise stay for ever. Fixed, as in Kafka.</summary>
    private const int NewMemberJoinTimeoutMs = 300_000;

    /// <summary>What an id takes over of the client's own name, so that it fits a string of the protocol.</summary>
    private const int MemberNameMaxLength = 1_000;

    public void Join(JoinGroupCommand command, CoordinatorStep step)
    {
        if (command.SessionTimeoutMs < state.Config.GroupMinSessionTimeoutMs
            || command.SessionTimeoutMs > state.Config.GroupMaxSessionTimeoutMs)
        {
            Refuse(command, ErrorCode.InvalidSessionTimeout, step);
            return;
        }
        var isNew = command.MemberId.Length == 0;
        if (!isNew && !state.TryFind(command.Group, out _))
        {
            Refuse(command, ErrorCode.UnknownMemberId, step);
            return;
        }
        var group = state.GetOrCreate(command.Group, step.Now);
        if (!HasRoom(group, command.MemberId))
        {
            group.Remove(command.MemberId);
            step.Reply(command.ReplyTo, JoinGroupReply.Failed(ErrorCode.GroupMaxSizeReached, ""));
        }
        else if (!group.Supports(command.ProtocolType, command.Protocols))
        {
            Refuse(command, ErrorCode.InconsistentGroupProtocol, step);
        }
        else if (!isNew)
        {
            JoinAgain(group, command, step);
        }
        else if (command.InstanceId is not null)
        {
            JoinStatic(group, command.InstanceId, command, step);
        }
        else if (command.RequireMemberId)
        {
            RequireMemberId(group, command, step);
        }
        else
        {
            AddMember(group, NewMemberId(command), command, step);
        }
        state.ForgetIfVoid(group);
    }

    /// <summary>The members as the leader is told them.</summary>
    public static IReadOnlyList<JoinedMember> DescribeMembers(ClassicGroup group) =>
        [.. group.Members.Select(m => new JoinedMember(m.MemberId, m.InstanceId, m.MetadataOf(group.ProtocolName)))];

    public static void AnswerJoin(
        ClassicGroup group, GroupMember member, IReadOnlyList<JoinedMember> members, CoordinatorStep step)
    {
        if (member.AwaitingJoin is not { } replyTo)
            return;
        group.AwaitJoin(member, null);
        step.Reply(replyTo, Success(group, member.MemberId, group.LeaderId ?? "", members));
    }

    public static void AnswerJoin(ClassicGroup group, GroupMember member, ErrorCode error, string memberId, CoordinatorStep step)
    {
        if (member.AwaitingJoin is not { } replyTo)
            return;
        group.AwaitJoin(member, null);
        step.Reply(replyTo, JoinGroupReply.Failed(error, memberId));
    }

    private static void Refuse(JoinGroupCommand command, ErrorCode error, CoordinatorStep step) =>
        step.Reply(command.ReplyTo, JoinGroupReply.Failed(error, command.MemberId));

    private static JoinGroupReply Success(
        ClassicGroup group, string memberId, string leader, IReadOnlyList<JoinedMember> members, bool skipAssignment = false) =>
        new(ErrorCode.None, memberId, group.Generation, group.ProtocolType, group.ProtocolName, leader, skipAssignment, members);

    private static string NewMemberId(JoinGroupCommand command)
    {
        var name = command.InstanceId ?? command.ClientId;
        return $"{name[..Math.Min(name.Length, MemberNameMaxLength)]}-{command.NewMemberId}";
    }

    private static string Why(JoinGroupCommand command) => $"client reason: {command.Reason ?? "not provided"}";

    /// <summary>While members join, those who wait are counted rather than those who are members: the last to come are
    /// left out when a group is over its size.</summary>
    private bool HasRoom(ClassicGroup group, string memberId) => group.State switch
    {
        GroupState.Empty => true,
        GroupState.PreparingRebalance =>
            group.Find(memberId)?.AwaitingJoin is not null || group.AwaitingJoinCount < state.Config.GroupMaxSize,
        _ => group.Find(memberId) is not null || group.MemberCount < state.Config.GroupMaxSize,
    };

    private void RequireMemberId(ClassicGroup group, JoinGroupCommand command, CoordinatorStep step)
    {
        var memberId = NewMemberId(command);
        var deadline = new Deadline(DeadlineKind.Session, group, memberId);
        group.PendingJoins.Add(memberId, deadline);
        state.Deadlines.Set(deadline, step.Now.MonotonicMs + command.SessionTimeoutMs);
        step.Reply(command.ReplyTo, JoinGroupReply.Failed(ErrorCode.MemberIdRequired, memberId));
    }

    private void AddMember(ClassicGroup group, string memberId, JoinGroupCommand command, CoordinatorStep step)
    {
        var member = new GroupMember(group, memberId, command.InstanceId, command.ClientId, command.ClientHost)
        {
            SessionTimeoutMs = command.SessionTimeoutMs,
            RebalanceTimeoutMs = command.RebalanceTimeoutMs,
            Protocols = command.Protocols,
            IsNew = true,
        };
        if (group is { State: GroupState.PreparingRebalance, PreviousState: GroupState.Empty })
            group.NewMemberAdded = true;
        group.Add(member, command.ProtocolType);
        group.AwaitJoin(member, command.ReplyTo);
        state.RenewSession(member, step.Now, NewMemberJoinTimeoutMs);
        var instance = command.InstanceId is null ? "" : $" with instance id {command.InstanceId}";
        rebalance.PrepareOrComplete(group, $"adding new member {memberId}{instance}; {Why(command)}", step);
    }

    private void JoinAgain(ClassicGroup group, JoinGroupCommand command, CoordinatorStep step)
    {
        if (group.PendingJoins.ContainsKey(command.MemberId) && command.InstanceId is null)
        {
            AddMember(group, command.MemberId, command, step);
            return;
        }
        if (group.Validate(command.MemberId, command.InstanceId) is not ErrorCode.None and var error)
        {
            Refuse(command, error, step);
            return;
        }
        var member = group.Find(command.MemberId)!;
        var isUnchanged = member.HasProtocols(command.Protocols);
        switch (group.State)
        {
            case GroupState.PreparingRebalance:
                Update(group, member, $"member {member.MemberId} is joining", command, step);
                break;

            // The answer to the first join was lost: give it again.
            case GroupState.CompletingRebalance when isUnchanged:
                step.Reply(command.ReplyTo, Success(
                    group,
                    member.MemberId,
                    group.LeaderId ?? "",
                    group.IsLeader(member.MemberId) ? DescribeMembers(group) : []));
                break;

            // A leader that joins again asks for a new assignment: it may have seen topics change.
            case GroupState.Stable when isUnchanged && !group.IsLeader(member.MemberId):
                step.Reply(command.ReplyTo, Success(group, member.MemberId, group.LeaderId ?? "", []));
                break;

            default:
                var cause = isUnchanged ? "leader is joining again" : "metadata changed";
                Update(group, member, $"{cause}, member {member.MemberId}", command, step);
                break;
        }
    }

    private void Update(
        ClassicGroup group, GroupMember member, string reason, JoinGroupCommand command, CoordinatorStep step)
    {
        TakeUp(group, member, command, step);
        rebalance.PrepareOrComplete(group, $"{reason}; {Why(command)}", step);
    }

    private static void TakeUp(ClassicGroup group, GroupMember member, JoinGroupCommand command, CoordinatorStep step)
    {
        // The client sent this join because it no longer waits for the last one.
        AnswerJoin(group, member, ErrorCode.RebalanceInProgress, member.MemberId, step);
        group.Update(member, command.Protocols);
        member.RebalanceTimeoutMs = command.RebalanceTimeoutMs;
        member.SessionTimeoutMs = command.SessionTimeoutMs;
        group.AwaitJoin(member, command.ReplyTo);
    }

    private void JoinStatic(ClassicGroup group, string instanceId, JoinGroupCommand command, CoordinatorStep step)
    {
        if (group.FindStatic(instanceId) is { } memberId)
            ReplaceStatic(group, group.Find(memberId)!, command, step);
        else
            AddMember(group, NewMemberId(command), command, step);
    }

    /// <summary>A static member came back without its id: it gets a new one and its old one is fenced. In a stable
    /// group that is no reason to rebalance unless the choice of protocol changes by it.</summary>
    private void ReplaceStatic(ClassicGroup group, GroupMember old, JoinGroupCommand command, CoordinatorStep step)
    {
        AnswerJoin(group, old, ErrorCode.FencedInstanceId, old.MemberId, step);
        if (old.AwaitingSync is { } awaitingSync)
        {
            old.AwaitingSync = null;
            step.Reply(awaitingSync, SyncGroupReply.Failed(ErrorCode.FencedInstanceId));
        }

        var leaderBefore = group.LeaderId ?? "";
        var member = new GroupMember(group, NewMemberId(command), old.InstanceId, old.ClientId, old.ClientHost)
        {
            Protocols = old.Protocols,
        };
        group.Replace(old, member);
        TakeUp(group, member, command, step);
        state.RenewSession(member, step.Now);
        step.Note(group, $"static member {member.InstanceId} replaced {old.MemberId} by {member.MemberId}; {Why(command)}");

        switch (group.State)
        {
            case GroupState.PreparingRebalance:
                rebalance.CompleteIfAllJoined(group, step);
                break;
            case GroupState.Stable when group.SelectProtocol() == group.ProtocolName:
                RecordReplacement(group, member, leaderBefore, command, step);
                break;

            // While completing, the leader may have been told the old id and would assign to it.
            default:
                rebalance.Prepare(group, $"static member {member.InstanceId} joined; {Why(command)}", step);
                break;
        }
    }

    /// <summary>The new id is told only once it is committed. Until then a rebalance may have answered in its stead.</summary>
    private void RecordReplacement(
        ClassicGroup group, GroupMember member, string leaderBefore, JoinGroupCommand command, CoordinatorStep step)
    {
        var metadata = group.ToMetadata(m => m.Assignment);
        state.Write(step, group, [new GroupMetadataRecord(group.Id, metadata)], (settled, error) =>
        {
            if (member.AwaitingJoin != command.ReplyTo)
                return;
            group.AwaitJoin(member, null);
            state.RenewSession(member, settled.Now);
            if (error != ErrorCode.None)
            {
                settled.Reply(command.ReplyTo, JoinGroupReply.Failed(error, ""));
                return;
            }

            // An old client would start to assign if it were told that it leads; a new one can be told not to.
            var leads = command.CanSkipAssignment && group.IsLeader(member.MemberId);
            settled.Reply(command.ReplyTo, Success(
                group,
                member.MemberId,
                command.CanSkipAssignment ? group.LeaderId ?? "" : leaderBefore,
                leads ? DescribeMembers(group) : [],
                skipAssignment: leads));
        });
    }
}
