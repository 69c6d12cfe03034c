using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>SyncGroup: the leader's assignment is committed, then handed to every member. A generation has one
/// assignment: while the leader's is on its way into the log, another from it changes nothing.</summary>
internal sealed class SyncCore(CoordinatorState state, RebalanceCore rebalance)
{
    public void Sync(SyncGroupCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group) || group.State == GroupState.Empty)
        {
            command.Fail(ErrorCode.UnknownMemberId, step);
            return;
        }
        if (Check(group, command) is not ErrorCode.None and var error)
        {
            command.Fail(error, step);
            return;
        }
        var member = group.Find(command.MemberId)!;
        group.PendingSyncs.Remove(member.MemberId);
        if (group.PendingSyncs.Count == 0)
            Deadlines.Cancel(group.Sync);
        if (group.State == GroupState.Stable)
        {
            step.Reply(command.ReplyTo, Assigned(group, member));
            return;
        }

        // The client sent this sync because it no longer waits for the last one.
        if (member.AwaitingSync is { } earlier)
            step.Reply(earlier, SyncGroupReply.Failed(ErrorCode.RebalanceInProgress));
        member.AwaitingSync = command.ReplyTo;
        if (group.IsLeader(member.MemberId) && !group.IsAssignmentInFlight)
            Record(group, command, step);
    }

    /// <summary>Members had a rebalance timeout to ask for their assignment: who has not is out.</summary>
    public void SyncDue(ClassicGroup group, CoordinatorStep step)
    {
        if (group.State is not (GroupState.CompletingRebalance or GroupState.Stable) || group.PendingSyncs.Count == 0)
            return;
        var late = group.PendingSyncs.ToList();
        foreach (var memberId in late)
            SessionsCore.Remove(group, group.Find(memberId)!, step);
        rebalance.Prepare(group, $"members {string.Join(", ", late)} did not ask for their assignment in time", step);
    }

    private static ErrorCode Check(ClassicGroup group, SyncGroupCommand command)
    {
        if (group.Validate(command.MemberId, command.InstanceId) is not ErrorCode.None and var error)
            return error;
        if (command.Generation != group.Generation)
            return ErrorCode.IllegalGeneration;
        if (Differ(command.ProtocolType, group.ProtocolType) || Differ(command.ProtocolName, group.ProtocolName))
            return ErrorCode.InconsistentGroupProtocol;
        return group.State == GroupState.PreparingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }

    private static bool Differ(string? said, string? known) => said is not null && known is not null && said != known;

    private static SyncGroupReply Assigned(ClassicGroup group, GroupMember member) =>
        new(ErrorCode.None, group.ProtocolType, group.ProtocolName, member.Assignment);

    private void Record(ClassicGroup group, SyncGroupCommand command, CoordinatorStep step)
    {
        var generation = group.Generation;
        var assignments = command.Assignments;
        byte[] AssignmentOf(GroupMember member) => assignments.GetValueOrDefault(member.MemberId) ?? [];

        group.IsAssignmentInFlight = true;
        var metadata = group.ToMetadata(AssignmentOf);
        state.Write(step, group, [new GroupMetadataRecord(group.Id, metadata)], (settled, error) =>
        {
            // A rebalance that began meanwhile has already told the members to join again.
            if (group.State != GroupState.CompletingRebalance || group.Generation != generation)
                return;
            if (error != ErrorCode.None)
            {
                group.IsAssignmentInFlight = false;
                rebalance.CancelSync(group, error, settled);
                rebalance.Prepare(group, $"the log refused the assignment with {error}", settled);
                return;
            }
            foreach (var member in group.Members)
                member.Assignment = AssignmentOf(member);
            group.Transition(GroupState.Stable, settled.Now.UnixMs);
            Propagate(group, settled);
        });
    }

    private void Propagate(ClassicGroup group, CoordinatorStep step)
    {
        foreach (var member in group.Members)
        {
            if (member.AwaitingSync is not { } replyTo)
                continue;
            member.AwaitingSync = null;
            step.Reply(replyTo, Assigned(group, member));
            state.RenewSession(member, step.Now);
        }
    }
}
