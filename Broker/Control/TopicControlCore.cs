using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>The controller of one topic: state and command in, new state out. Two controllers may decide at once; the
/// version under which the state is persisted lets one of them win.</summary>
public static class TopicControlCore
{
    /// <param name="placements">Replicas by partition, the preferred leader first.</param>
    /// <param name="started">The brokers as they run now: they need no <see cref="BrokerStarted"/> for this topic.</param>
    public static ControlStep Create(
        ImmutableArray<ImmutableArray<NodeId>> placements,
        bool allowsUncleanElection,
        BrokerStatuses brokers,
        ImmutableArray<BrokerGeneration> started) =>
        Grow(new TopicControlState([], started, allowsUncleanElection), placements, brokers);

    /// <summary>Adds partitions. Their logs are empty, so all replicas that are up start in sync.</summary>
    /// <returns>INVALID_REPLICA_ASSIGNMENT where none of a partition's replicas is up.</returns>
    public static ControlStep Grow(
        TopicControlState state, ImmutableArray<ImmutableArray<NodeId>> placements, BrokerStatuses brokers)
    {
        var partitions = state.Partitions.ToBuilder();
        foreach (var replicas in placements)
        {
            ImmutableArray<NodeId> live = [.. replicas.Where(brokers.IsLive)];
            if (live.IsEmpty) return Refused(state, ErrorCode.InvalidReplicaAssignment);
            var leader = live.FirstOrDefault(brokers.CanLead, live[0]);
            partitions.Add(new PartitionState
            {
                Replicas = replicas,
                InSync = live,
                Leader = leader,
                LeaderEpoch = LeaderEpoch.Zero,
            });
        }

        return Compare(state, partitions.ToImmutable());
    }

    /// <summary>A leader asks for another in-sync set.</summary>
    /// <returns>UNKNOWN_TOPIC_OR_PARTITION; FENCED_LEADER_EPOCH, also for who does not lead; NOT_CONTROLLER where the leader
    /// knows a newer state than this controller; INVALID_UPDATE_VERSION; INVALID_REQUEST for a set without its leader or
    /// with strangers. Who would join and is not up is left out: the leader, which reckons with all it proposed, need not
    /// wait for it any more.</returns>
    public static ControlStep AlterInSync(
        TopicControlState state, PartitionIndex index, InSyncProposal proposal, BrokerStatuses brokers)
    {
        if (state.Find(index) is not { } partition) return Refused(state, ErrorCode.UnknownTopicOrPartition);
        if (proposal.LeaderEpoch > partition.LeaderEpoch || proposal.PartitionEpoch > partition.PartitionEpoch)
        {
            return Refused(state, ErrorCode.NotController);
        }

        if (proposal.LeaderEpoch < partition.LeaderEpoch || proposal.Leader != partition.Leader)
        {
            return Refused(state, ErrorCode.FencedLeaderEpoch);
        }

        if (proposal.PartitionEpoch != partition.PartitionEpoch) return Refused(state, ErrorCode.InvalidUpdateVersion);
        if (!proposal.InSync.Contains(proposal.Leader) || proposal.InSync.Any(node => !partition.Replicas.Contains(node)))
        {
            return Refused(state, ErrorCode.InvalidRequest);
        }

        // A set that is the same still counts as a change: the new epoch voids what the leader proposed before.
        var inSync = proposal.InSync.RemoveAll(node => !partition.InSync.Contains(node) && !brokers.IsLive(node));
        return Change(state, index, Reassignments.Complete(partition with { InSync = inSync }, brokers));
    }

    /// <summary>Brokers came, left or are about to stop: leaders are elected where they are needed, and who is down leaves
    /// the in-sync sets.</summary>
    public static ControlStep BrokersChanged(TopicControlState state, BrokerStatuses brokers) =>
        Each(state, partition => Elections.Settle(partition, brokers, state.AllowsUncleanElection));

    /// <summary>A broker runs anew and may have lost what it had not synced, so what it leads gets a new epoch, be it under
    /// the same leader. With another data directory than before it has lost all its replicas. A broker takes no role before
    /// this has been persisted, which also keeps a controller that is behind from answering.</summary>
    /// <param name="started">Repeated starts of the same generation change nothing.</param>
    public static ControlStep BrokerStarted(TopicControlState state, BrokerGeneration started, BrokerStatuses brokers)
    {
        var broker = started.Broker;
        var known = state.Generations.FirstOrDefault(known => known.Broker == broker);
        if (known.Broker == broker && known.Generation >= started.Generation)
        {
            return new ControlStep(state, ErrorCode.None, [], false);
        }

        var hasLostAll = known.Broker == broker && known.DirectoryId != started.DirectoryId;
        var step = Each(state, partition => Elections.Settle(
            hasLostAll ? Without(partition, broker)
            : partition.Leader == broker ? partition with { Leader = NodeId.None }
            : partition,
            brokers,
            state.AllowsUncleanElection));
        var generations = state.Generations.RemoveAll(known => known.Broker == broker);
        return step with { State = step.State with { Generations = generations.Add(started) }, HasChanges = true };
    }

    /// <summary>A replica's log is damaged and is to be fetched again. It leaves the in-sync set, and the new epoch makes the
    /// leader forget how far it had come.</summary>
    /// <returns>UNKNOWN_TOPIC_OR_PARTITION; ELIGIBLE_LEADERS_NOT_AVAILABLE where nobody else is in sync and up: then what the
    /// replica still has must stay.</returns>
    public static ControlStep ReplicaLost(
        TopicControlState state, PartitionIndex index, NodeId replica, BrokerStatuses brokers)
    {
        if (state.Find(index) is not { } partition || !partition.Replicas.Contains(replica))
        {
            return Refused(state, ErrorCode.UnknownTopicOrPartition);
        }

        return partition.InSync.Any(node => node != replica && brokers.IsLive(node))
            ? Change(state, index, Elections.Settle(Without(partition, replica), brokers, allowsUnclean: false))
            : Refused(state, ErrorCode.EligibleLeadersNotAvailable);
    }

    /// <summary>Its leadership ends in any case: the leader may believe that the replica has what it has lost.</summary>
    private static PartitionState Without(PartitionState partition, NodeId replica) =>
        partition.Replicas.Contains(replica)
            ? partition with { InSync = partition.InSync.Remove(replica), Leader = NodeId.None }
            : partition;

    /// <returns>UNKNOWN_TOPIC_OR_PARTITION, ELECTION_NOT_NEEDED or PREFERRED_LEADER_NOT_AVAILABLE (KIP-460).</returns>
    public static ControlStep ElectPreferred(TopicControlState state, PartitionIndex index, BrokerStatuses brokers)
    {
        if (state.Find(index) is not { } partition) return Refused(state, ErrorCode.UnknownTopicOrPartition);
        var preferred = partition.Replicas[0];
        if (partition.Leader == preferred) return Refused(state, ErrorCode.ElectionNotNeeded);
        return partition.InSync.Contains(preferred) && brokers.CanLead(preferred)
            ? Change(state, index, partition with { Leader = preferred })
            : Refused(state, ErrorCode.PreferredLeaderNotAvailable);
    }

    /// <summary>Lets any live replica lead where no in-sync one is up. What it lacks is lost.</summary>
    /// <returns>UNKNOWN_TOPIC_OR_PARTITION, ELECTION_NOT_NEEDED or ELIGIBLE_LEADERS_NOT_AVAILABLE.</returns>
    public static ControlStep ElectUnclean(TopicControlState state, PartitionIndex index, BrokerStatuses brokers)
    {
        if (state.Find(index) is not { } partition) return Refused(state, ErrorCode.UnknownTopicOrPartition);
        if (partition.Leader != NodeId.None) return Refused(state, ErrorCode.ElectionNotNeeded);
        var elected = Elections.Settle(partition, brokers, allowsUnclean: true);
        return elected.Leader == NodeId.None
            ? Refused(state, ErrorCode.EligibleLeadersNotAvailable)
            : Change(state, index, elected);
    }

    /// <summary>Moves a partition to other replicas, or takes a move back.</summary>
    /// <param name="target">The replicas to end with, the preferred leader first; null to cancel.</param>
    /// <returns>UNKNOWN_TOPIC_OR_PARTITION, NO_REASSIGNMENT_IN_PROGRESS, or INVALID_REPLICA_ASSIGNMENT: no replica, one
    /// named twice, a new one that is not up, or nobody in sync would be left.</returns>
    public static ControlStep Reassign(
        TopicControlState state, PartitionIndex index, ImmutableArray<NodeId>? target, BrokerStatuses brokers)
    {
        if (state.Find(index) is not { } partition) return Refused(state, ErrorCode.UnknownTopicOrPartition);
        if (target is null && !partition.IsReassigning) return Refused(state, ErrorCode.NoReassignmentInProgress);
        return Reassignments.Start(partition, target ?? Reassignments.Original(partition), brokers) is { } moving
            ? Change(state, index, Reassignments.Complete(moving, brokers))
            : Refused(state, ErrorCode.InvalidReplicaAssignment);
    }

    /// <summary>Gives the replicas of a broker that will not come back to others that are up, each to who holds the fewest
    /// of this topic. Partitions that have no other broker to go to stay as they are.</summary>
    public static ControlStep ReplaceBroker(TopicControlState state, NodeId lost, BrokerStatuses brokers)
    {
        var load = brokers.Live.ToDictionary(
            broker => broker, broker => state.Partitions.Count(partition => partition.Replicas.Contains(broker)));
        return Each(state, partition =>
        {
            var original = Reassignments.Original(partition);
            var free = brokers.Live.Where(broker => broker != lost && brokers.CanLead(broker) && !original.Contains(broker));
            if (!original.Contains(lost) || !free.Any()) return partition;
            var successor = free.MinBy(broker => load[broker]);
            load[successor]++;
            return Reassignments.Start(partition, original.Replace(lost, successor), brokers) ?? partition;
        });
    }

    private static ControlStep Each(TopicControlState state, Func<PartitionState, PartitionState> change) =>
        Compare(state, [.. state.Partitions.Select(partition => Numbered(partition, change(partition)))]);

    private static ControlStep Change(TopicControlState state, PartitionIndex index, PartitionState changed) =>
        Compare(state, state.Partitions.SetItem(index.Value, Numbered(state.Partitions[index.Value], changed)));

    /// <summary>A state that differs gets the next partition epoch, and where a leadership ended the next leader
    /// epoch.</summary>
    private static PartitionState Numbered(PartitionState before, PartitionState after)
    {
        if (ReferenceEquals(before, after)) return before;
        return after with
        {
            PartitionEpoch = before.PartitionEpoch + 1,
            LeaderEpoch = before.Leader == after.Leader || after.LeaderEpoch > before.LeaderEpoch
                ? after.LeaderEpoch
                : new LeaderEpoch(before.LeaderEpoch.Value + 1),
        };
    }

    private static ControlStep Compare(TopicControlState state, ImmutableArray<PartitionState> partitions)
    {
        ImmutableArray<PartitionIndex> changed =
        [
            .. Enumerable.Range(0, partitions.Length)
                .Where(i => i >= state.Partitions.Length || !ReferenceEquals(state.Partitions[i], partitions[i]))
                .Select(i => new PartitionIndex(i)),
        ];
        return changed.IsEmpty
            ? new ControlStep(state, ErrorCode.None, changed, false)
            : new ControlStep(state with { Partitions = partitions }, ErrorCode.None, changed, true);
    }

    private static ControlStep Refused(TopicControlState state, ErrorCode error) => new(state, error, [], false);
}
