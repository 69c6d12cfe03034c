using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>How members stay and how they go: Heartbeat, LeaveGroup and sessions that run out.</summary>
internal sealed class SessionsCore(CoordinatorState state, RebalanceCore rebalance)
{
    public void Heartbeat(HeartbeatCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group))
        {
            command.Fail(ErrorCode.UnknownMemberId, step);
            return;
        }
        var error = group.Validate(command.MemberId, command.InstanceId);
        if (error == ErrorCode.None && command.Generation != group.Generation)
            error = ErrorCode.IllegalGeneration;
        if (error == ErrorCode.None)
        {
            state.RenewSession(group.Find(command.MemberId)!, step.Now);
            if (group.State == GroupState.PreparingRebalance)
                error = ErrorCode.RebalanceInProgress;
        }
        step.Reply(command.ReplyTo, error);
    }

    public void Leave(LeaveGroupCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group))
        {
            var unknown = new ErrorCode[command.Members.Count];
            Array.Fill(unknown, ErrorCode.UnknownMemberId);
            step.Reply(command.ReplyTo, new LeaveGroupReply(ErrorCode.None, unknown));
            return;
        }
        var errors = command.Members.Select(member => Leave(group, member, step)).ToArray();
        step.Reply(command.ReplyTo, new LeaveGroupReply(ErrorCode.None, errors));
        if (errors.Contains(ErrorCode.None))
            AfterLoss(group, "members left", step);
        state.ForgetIfVoid(group);
    }

    /// <summary>A member, joined or asked to join, was not heard of for its session timeout.</summary>
    public void SessionDue(ClassicGroup group, string memberId, CoordinatorStep step)
    {
        if (group.PendingJoins.ContainsKey(memberId))
        {
            group.Remove(memberId);
            step.Note(group, $"member {memberId} was asked to join with its id and did not");
            if (group is { State: GroupState.PreparingRebalance, HasAllMembersJoined: true })
                rebalance.CompleteJoin(group, step);
            state.ForgetIfVoid(group);
            return;
        }
        if (group.Find(memberId) is not { IsExcusedFromHeartbeat: false } member)
            return;
        Remove(group, member, step);
        if (group is { State: GroupState.PreparingRebalance, HasAllMembersJoined: true })
            rebalance.CompleteJoin(group, step);
        else if (group.State is GroupState.CompletingRebalance or GroupState.Stable)
            rebalance.Prepare(group, $"session of member {memberId} expired", step);
    }

    /// <summary>Whoever still waits in its name is told that it is no member, so that it joins anew.</summary>
    public static void Remove(ClassicGroup group, GroupMember member, CoordinatorStep step)
    {
        JoinCore.AnswerJoin(group, member, ErrorCode.UnknownMemberId, "", step);
        if (member.AwaitingSync is { } replyTo)
        {
            member.AwaitingSync = null;
            step.Reply(replyTo, SyncGroupReply.Failed(ErrorCode.UnknownMemberId));
        }
        group.Remove(member.MemberId);
    }

    private static ErrorCode Leave(ClassicGroup group, LeavingMember leaving, CoordinatorStep step)
    {
        var memberId = leaving.MemberId;
        if (memberId.Length == 0)
        {
            if (leaving.InstanceId is null || group.FindStatic(leaving.InstanceId) is not { } holder)
                return ErrorCode.UnknownMemberId;
            memberId = holder;
        }
        else if (!group.PendingJoins.ContainsKey(memberId)
            && group.Validate(memberId, leaving.InstanceId) is not ErrorCode.None and var error)
        {
            return error;
        }
        step.Note(group, $"member {memberId} left; client reason: {leaving.Reason ?? "not provided"}");
        if (group.Find(memberId) is { } member)
            Remove(group, member, step);
        else
            group.Remove(memberId);
        return ErrorCode.None;
    }

    private void AfterLoss(ClassicGroup group, string reason, CoordinatorStep step)
    {
        if (group.State is GroupState.CompletingRebalance or GroupState.Stable)
            rebalance.Prepare(group, reason, step);
        else
            rebalance.CompleteIfAllJoined(group, step);
    }
}
