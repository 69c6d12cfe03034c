using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>How groups and offsets end: DeleteGroups, offsets that have outlived their retention, deleted topics.</summary>
internal sealed class ExpiryCore(CoordinatorState state)
{
    private readonly Deadline _check = new(DeadlineKind.Expiry);

    public void ScheduleCheck(CoordinatorStep step) =>
        state.Deadlines.Set(_check, CoordinatorTime.After(step.Now.MonotonicMs, state.Config.OffsetsRetentionCheckIntervalMs));

    public void DeleteGroup(DeleteGroupCommand command, CoordinatorStep step)
    {
        if (!state.TryFind(command.Group, out var group) || !group.IsVisible)
        {
            step.Reply(command.ReplyTo, ErrorCode.GroupIdNotFound);
        }
        else if (group.State != GroupState.Empty)
        {
            step.Reply(command.ReplyTo, ErrorCode.NonEmptyGroup);
        }
        else if (group.Writes.InFlight > 0)
        {
            group.Writes.Shut();
            group.Writes.Hold(command);
        }
        else
        {
            var offsets = group.Offsets.All().Select(entry => entry.Partition).ToList();
            Delete(group, offsets, step, (settled, error) => settled.Reply(command.ReplyTo, error));
        }
    }

    /// <summary>Removes what has expired, and groups that have nothing left. A group with writes in flight has its turn
    /// next time: an offset just being committed must not be taken for the old one.</summary>
    public void CheckDue(CoordinatorStep step)
    {
        foreach (var group in state.Groups.Where(group => group.Writes.IsIdle).ToList())
        {
            if (ExpiryBase(group) is not { } baseOf)
                continue;
            var expired = group.Offsets.All()
                .Where(entry => !group.IsSubscribedTo(entry.Partition.Topic) && IsExpired(entry.Value, baseOf, step.Now))
                .Select(entry => entry.Partition)
                .ToList();
            if (group.State == GroupState.Empty && group.PendingJoins.Count == 0 && expired.Count == group.Offsets.Count)
                Delete(group, expired, step, settled: null);
            else if (expired.Count > 0)
                state.Write(step, group, Tombstones(group, expired), settled: null);
        }
        ScheduleCheck(step);
    }

    /// <summary>Removes the offsets of a topic that no longer exists, not those of its successor.</summary>
    public void ForgetTopic(TopicName topic, TopicId id, CoordinatorStep step)
    {
        foreach (var group in state.Groups.ToList())
        {
            var partitions = group.Offsets.Of(topic)
                .Where(entry => entry.Value.TopicId.IsNone || entry.Value.TopicId == id)
                .Select(entry => entry.Partition)
                .ToList();
            if (partitions.Count > 0)
                state.Write(step, group, Tombstones(group, partitions), settled: null);
        }
    }

    /// <summary>From when an offset's retention counts; null where the group's offsets do not expire: while it
    /// rebalances, and while its members are of a protocol whose topics are not known.</summary>
    private static Func<CommittedOffset, long>? ExpiryBase(ClassicGroup group)
    {
        if (group.ProtocolType is null)
            return offset => offset.CommitTimestampMs;
        if (group.State == GroupState.Empty)
            return offset => group.StateTimestampMs < 0 ? offset.CommitTimestampMs : group.StateTimestampMs;
        return group is { State: GroupState.Stable, SubscribedTopics: not null }
            ? offset => offset.CommitTimestampMs
            : null;
    }

    private static List<CoordinatorRecord> Tombstones(ClassicGroup group, List<TopicPartition> partitions) =>
        [.. partitions.Select(partition => new OffsetRecord(group.Id, partition, null))];

    /// <summary>Shuts the group's gate until its tombstones are committed; it is gone then.</summary>
    private void Delete(
        ClassicGroup group, List<TopicPartition> offsets, CoordinatorStep step, Action<CoordinatorStep, ErrorCode>? settled)
    {
        group.Writes.Shut();
        var records = Tombstones(group, offsets);
        records.Add(new GroupMetadataRecord(group.Id, null));
        state.Write(step, group, records, (done, error) =>
        {
            if (error == ErrorCode.None)
                state.Remove(group);
            settled?.Invoke(done, error);
        });
        step.Note(group, $"deleting the group with {offsets.Count} offsets");
    }

    private bool IsExpired(CommittedOffset offset, Func<CommittedOffset, long> baseOf, CoordinatorTime now) =>
        offset.ExpireTimestampMs is { } expireMs
            ? now.UnixMs >= expireMs
            : now.UnixMs - baseOf(offset) >= state.Config.OffsetsRetentionMs;
}
