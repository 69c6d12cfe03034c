using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>The join phase: from the first reason to rebalance until every member has its JoinGroup answer.</summary>
internal sealed class RebalanceCore(CoordinatorState state)
{
    /// <summary>Starts a rebalance where none is under way, else looks whether the last one waited for has come.</summary>
    public void PrepareOrComplete(ClassicGroup group, string reason, CoordinatorStep step)
    {
        if (group.State == GroupState.PreparingRebalance)
            CompleteIfAllJoined(group, step);
        else
            Prepare(group, reason, step);
    }

    public void Prepare(ClassicGroup group, string reason, CoordinatorStep step)
    {
        if (group.State == GroupState.CompletingRebalance)
            CancelSync(group, ErrorCode.RebalanceInProgress, step);
        group.PendingSyncs.Clear();
        Deadlines.Cancel(group.Sync);

        var isInitial = group.State == GroupState.Empty;
        group.Transition(GroupState.PreparingRebalance, step.Now.UnixMs);
        step.Note(group, $"preparing to rebalance, generation {group.Generation}: {reason}");
        if (isInitial)
        {
            var delayMs = state.Config.GroupInitialRebalanceDelayMs;
            group.InitialDelay = (delayMs, Math.Max(group.RebalanceTimeoutMs - delayMs, 0));
            SetJoinDeadline(group, delayMs, step);
        }
        else if (group.HasAllMembersJoined)
        {
            CompleteJoin(group, step);
        }
        else
        {
            SetJoinDeadline(group, group.RebalanceTimeoutMs, step);
        }
    }

    /// <summary>An initial rebalance ends by its delay alone: more members may be on their way.</summary>
    public void CompleteIfAllJoined(ClassicGroup group, CoordinatorStep step)
    {
        if (group is { State: GroupState.PreparingRebalance, PreviousState: not GroupState.Empty, HasAllMembersJoined: true })
            CompleteJoin(group, step);
    }

    /// <summary>Of a first rebalance the delay is over, of another the members' time to join.</summary>
    public void JoinDue(ClassicGroup group, CoordinatorStep step)
    {
        if (group.State != GroupState.PreparingRebalance)
            return;
        var (delayMs, remainingMs) = group.InitialDelay;
        if (group is not { PreviousState: GroupState.Empty, NewMemberAdded: true } || remainingMs == 0)
        {
            CompleteJoin(group, step);
            return;
        }
        group.NewMemberAdded = false;
        var nextDelayMs = Math.Min(state.Config.GroupInitialRebalanceDelayMs, remainingMs);
        group.InitialDelay = (nextDelayMs, Math.Max(remainingMs - delayMs, 0));
        SetJoinDeadline(group, nextDelayMs, step);
    }

    /// <summary>Ends the join phase: dynamic members that have not joined are out, static ones keep their place.</summary>
    public void CompleteJoin(ClassicGroup group, CoordinatorStep step)
    {
        Deadlines.Cancel(group.Join);
        group.NewMemberAdded = false;
        foreach (var late in group.Members.Where(m => m.AwaitingJoin is null && m.InstanceId is null).ToList())
        {
            group.Remove(late.MemberId);
            step.Note(group, $"removed member {late.MemberId}, which did not join in time");
        }
        if (group.MemberCount > 0 && !group.TryElectJoinedLeader())
        {
            // Static members only, none of whom has joined: their sessions will end the wait. They may ask for no time.
            SetJoinDeadline(group, Math.Max(group.RebalanceTimeoutMs, 1_000), step);
            return;
        }

        group.StartGeneration(step.Now.UnixMs);
        if (group.State == GroupState.Empty)
        {
            step.Note(group, $"generation {group.Generation} is empty");
            state.Write(
                step, group, [new GroupMetadataRecord(group.Id, group.ToMetadata(member => member.Assignment))], settled: null);
            return;
        }

        step.Note(group, $"generation {group.Generation} has {group.MemberCount} members, leader {group.LeaderId}");
        var members = JoinCore.DescribeMembers(group);
        foreach (var member in group.Members)
        {
            JoinCore.AnswerJoin(group, member, group.IsLeader(member.MemberId) ? members : [], step);
            state.RenewSession(member, step.Now);
            member.IsNew = false;
            group.PendingSyncs.Add(member.MemberId);
        }
        state.Deadlines.Set(group.Sync, step.Now.MonotonicMs + group.RebalanceTimeoutMs);
    }

    /// <summary>Takes the assignments back and tells those who wait for them.</summary>
    public void CancelSync(ClassicGroup group, ErrorCode error, CoordinatorStep step)
    {
        foreach (var member in group.Members)
        {
            member.Assignment = [];
            if (member.AwaitingSync is not { } replyTo)
                continue;
            member.AwaitingSync = null;
            step.Reply(replyTo, SyncGroupReply.Failed(error));
            state.RenewSession(member, step.Now);
        }
    }

    private void SetJoinDeadline(ClassicGroup group, int delayMs, CoordinatorStep step) =>
        state.Deadlines.Set(group.Join, step.Now.MonotonicMs + delayMs);
}
