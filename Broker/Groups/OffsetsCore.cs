using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>OffsetCommit, OffsetFetch and OffsetDelete. What is read is what is committed; a commit is acknowledged when
/// its records are committed and applied, hence whoever was told sees it.</summary>
internal sealed class OffsetsCore(CoordinatorState state)
{
    public void Commit(OffsetCommitCommand command, CoordinatorStep step)
    {
        var error = Check(command, out var group);
        if (error != ErrorCode.None)
        {
            command.Fail(error, step);
            return;
        }
        if (group?.State is GroupState.Stable or GroupState.PreparingRebalance)
            state.RenewSession(group.Find(command.MemberId)!, step.Now);

        long? expireMs = command.RetentionMs is { } retentionMs
            ? CoordinatorTime.After(step.Now.UnixMs, retentionMs)
            : null;
        var errors = new ErrorCode[command.Offsets.Count];
        var records = new List<CoordinatorRecord>(errors.Length);
        for (var i = 0; i < errors.Length; i++)
        {
            var offset = command.Offsets[i];
            if (offset.Metadata?.Length > state.Config.OffsetMetadataMaxBytes)
            {
                errors[i] = ErrorCode.OffsetMetadataTooLarge;
                continue;
            }
            records.Add(new OffsetRecord(command.Group, offset.Partition, new CommittedOffset(
                offset.Offset, offset.LeaderEpoch, offset.Metadata ?? "", step.Now.UnixMs, expireMs, offset.TopicId)));
        }
        if (records.Count == 0)
        {
            step.Reply(command.ReplyTo, errors);
            return;
        }
        state.Write(step, group ?? state.GetOrCreate(command.Group, step.Now), records, (settled, refused) =>
        {
            if (refused == ErrorCode.None)
                settled.Reply(command.ReplyTo, errors);
            else
                command.Fail(refused, settled);
        });
    }

    public void Fetch(OffsetFetchCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group))
        {
            var missing = command.Partitions?.Select(partition => new FetchedOffset(partition, null));
            step.Reply(command.ReplyTo, new OffsetFetchReply(ErrorCode.None, missing?.ToArray() ?? []));
        }
        else if (command.RequireStable && group.Writes.Last is not null)
        {
            group.Writes.WhenSettled((settled, error) =>
            {
                // A commit that was refused changes nothing. But where this is the coordinator no more, nobody here knows.
                if (error == ErrorCode.NotCoordinator)
                    command.Fail(error, settled);
                else
                    settled.Reply(command.ReplyTo, Read(group, command));
            });
        }
        else
        {
            step.Reply(command.ReplyTo, Read(group, command));
        }
    }

    public void Delete(OffsetDeleteCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group))
        {
            command.Fail(ErrorCode.GroupIdNotFound, step);
            return;
        }
        if (group is { State: not GroupState.Empty, IsConsumerProtocol: false })
        {
            command.Fail(ErrorCode.NonEmptyGroup, step);
            return;
        }
        var errors = new ErrorCode[command.Partitions.Count];
        var records = new List<CoordinatorRecord>();
        for (var i = 0; i < errors.Length; i++)
        {
            var partition = command.Partitions[i];
            if (group.IsSubscribedTo(partition.Topic))
                errors[i] = ErrorCode.GroupSubscribedToTopic;
            else if (group.Offsets.Find(partition) is not null)
                records.Add(new OffsetRecord(command.Group, partition, null));
        }
        var reply = new OffsetDeleteReply(ErrorCode.None, errors);
        if (records.Count == 0)
        {
            step.Reply(command.ReplyTo, reply);
            return;
        }
        state.Write(step, group, records, (settled, refused) =>
        {
            if (refused == ErrorCode.None)
                settled.Reply(command.ReplyTo, reply);
            else
                command.Fail(refused, settled);
        });
    }

    private static OffsetFetchReply Read(ClassicGroup group, OffsetFetchCommand command) => new(
        ErrorCode.None,
        command.Partitions is { } partitions
            ? [.. partitions.Select(partition => new FetchedOffset(partition, group.Offsets.Find(partition)))]
            : [.. group.Offsets.All().Select(entry => new FetchedOffset(entry.Partition, entry.Value))]);

    /// <summary>Who may commit: a member of this generation; or anybody with generation -1 while the group has no
    /// members.</summary>
    private ErrorCode Check(OffsetCommitCommand command, out ClassicGroup? group)
    {
        if (!state.TryFind(command.Group, out group))
        {
            if (command.Generation < 0)
                return ErrorCode.None;
            return command.KnowsGroupIdNotFound ? ErrorCode.GroupIdNotFound : ErrorCode.IllegalGeneration;
        }
        if (command.Generation < 0 && group.State == GroupState.Empty)
            return ErrorCode.None;
        if (command.Generation < 0 && command.MemberId.Length == 0 && command.InstanceId is null)
            return ErrorCode.UnknownMemberId;
        if (group.Validate(command.MemberId, command.InstanceId) is not ErrorCode.None and var error)
            return error;
        if (command.Generation != group.Generation)
            return ErrorCode.IllegalGeneration;

        // The member knows the new generation but has no assignment in it yet: what it commits belongs to the old one.
        return group.State == GroupState.CompletingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }
}
