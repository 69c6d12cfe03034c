using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Control;

public sealed class TopicControlCoreTests
{
    private static readonly PartitionIndex P0 = new(0);
    private TopicControlState _state = new([], [], AllowsUncleanElection: false);
    private BrokerStatuses _brokers = Statuses([1, 2, 3, 4]);

    public TopicControlCoreTests() => Do(TopicControlCore.Create([Nodes(1, 2, 3)], false, _brokers, []));

    private PartitionState Partition => _state.Partitions[0];

    private ControlStep Started(int broker, long generation, string directory = "first") =>
        TopicControlCore.BrokerStarted(_state, new BrokerGeneration(new NodeId(broker), generation, directory), _brokers);

    [Fact]
    public void A_new_partition_is_led_by_its_first_replica_that_is_up()
    {
        Expect(leader: 1, epoch: 0, version: 0, inSync: [1, 2, 3]);
        Do(TopicControlCore.Grow(_state, [Nodes(4, 1)], Statuses([1, 2])));
        _state.Partitions[1].Leader.ShouldBe(new NodeId(1));
        _state.Partitions[1].InSync.ShouldBe(Nodes(1));
        TopicControlCore.Grow(_state, [Nodes(4)], Statuses([1])).Error.ShouldBe(ErrorCode.InvalidReplicaAssignment);
    }

    [Fact]
    public void An_in_sync_change_is_compared_with_both_epochs()
    {
        Propose(leader: 1, epoch: 0, version: 0, inSync: [1, 2]).ShouldBe(ErrorCode.None);
        Expect(leader: 1, epoch: 0, version: 1, inSync: [1, 2]);
        Propose(leader: 1, epoch: 0, version: 0, inSync: [1]).ShouldBe(ErrorCode.InvalidUpdateVersion);
        Propose(leader: 1, epoch: 1, version: 1, inSync: [1]).ShouldBe(ErrorCode.NotController);
        Propose(leader: 1, epoch: 0, version: 2, inSync: [1]).ShouldBe(ErrorCode.NotController);
        Propose(leader: 2, epoch: 0, version: 1, inSync: [2]).ShouldBe(ErrorCode.FencedLeaderEpoch);
        Propose(leader: 1, epoch: 0, version: 1, inSync: [2]).ShouldBe(ErrorCode.InvalidRequest);
        Propose(leader: 1, epoch: 0, version: 1, inSync: [1, 4]).ShouldBe(ErrorCode.InvalidRequest);
        _brokers = Statuses([1, 2]);
        Propose(leader: 1, epoch: 0, version: 1, inSync: [1, 2, 3]).ShouldBe(ErrorCode.None, "3 is left out: it is down");
        Expect(leader: 1, epoch: 0, version: 2, inSync: [1, 2]);
    }

    [Fact]
    public void The_same_set_again_voids_what_was_proposed_before()
    {
        Propose(leader: 1, epoch: 0, version: 0, inSync: [1, 2, 3]).ShouldBe(ErrorCode.None);
        Partition.PartitionEpoch.ShouldBe(1);
    }

    [Fact]
    public void A_dead_leader_is_followed_by_an_in_sync_replica_and_the_last_in_sync_ones_stay()
    {
        Change([2, 3]);
        Expect(leader: 2, epoch: 1, version: 1, inSync: [2, 3]);
        Change([3, 4]);
        Expect(leader: 3, epoch: 2, version: 2, inSync: [3]);
        Change([1, 2, 4]);
        Expect(leader: -1, epoch: 3, version: 3, inSync: [3]);
        TopicControlCore.BrokersChanged(_state, _brokers).HasChanges.ShouldBeFalse();
        Change([1, 2, 3, 4]);
        Expect(leader: 3, epoch: 4, version: 4, inSync: [3]);
    }

    [Fact]
    public void A_broker_that_started_anew_leads_only_in_a_new_epoch()
    {
        Do(Started(broker: 1, generation: 7));
        Expect(leader: 1, epoch: 1, version: 1, inSync: [1, 2, 3]);
        Started(broker: 1, generation: 7).HasChanges.ShouldBeFalse();
        var other = Started(broker: 4, generation: 1);
        other.HasChanges.ShouldBeTrue();
        other.Changed.ShouldBeEmpty();
    }

    [Fact]
    public void A_broker_with_another_directory_has_lost_its_replicas()
    {
        Do(Started(broker: 2, generation: 7));
        Do(Started(broker: 2, generation: 8, directory: "new"));
        Expect(leader: 1, epoch: 1, version: 1, inSync: [1, 3]);

        Do(Started(broker: 1, generation: 7));
        Change([1]);
        Do(Started(broker: 1, generation: 8, directory: "new"));
        Expect(leader: -1, epoch: 3, version: 4, inSync: []);
        Change([1, 2, 3]);
        Expect(leader: -1, epoch: 3, version: 4, inSync: []);
        Do(TopicControlCore.ElectUnclean(_state, P0, _brokers));
        Expect(leader: 1, epoch: 4, version: 5, inSync: [1]);
    }

    [Fact]
    public void A_draining_broker_hands_over_while_another_can_lead()
    {
        Change([1, 2, 3], draining: [1]);
        Expect(leader: 2, epoch: 1, version: 1, inSync: [1, 2, 3]);
        Change([1], draining: [1]);
        Expect(leader: 1, epoch: 2, version: 2, inSync: [1]);
        Change([1, 2, 3], draining: [1]);
        Expect(leader: 1, epoch: 2, version: 2, inSync: [1]);
    }

    [Fact]
    public void The_preferred_leader_is_elected_where_it_can_be()
    {
        TopicControlCore.ElectPreferred(_state, P0, _brokers).Error.ShouldBe(ErrorCode.ElectionNotNeeded);
        Change([2, 3]);
        TopicControlCore.ElectPreferred(_state, P0, Statuses([1, 2, 3])).Error.ShouldBe(ErrorCode.PreferredLeaderNotAvailable);
        Change([1, 2, 3]);
        Propose(leader: 2, epoch: 1, version: 1, inSync: [1, 2, 3]).ShouldBe(ErrorCode.None);
        Do(TopicControlCore.ElectPreferred(_state, P0, _brokers));
        Expect(leader: 1, epoch: 2, version: 3, inSync: [1, 2, 3]);
    }

    [Fact]
    public void An_unclean_election_happens_only_when_asked_for_or_allowed()
    {
        Change([1]);
        Change([2, 3]);
        Partition.Leader.ShouldBe(NodeId.None);
        var allowing = TopicControlCore.BrokersChanged(_state with { AllowsUncleanElection = true }, _brokers);
        allowing.State.Partitions[0].Leader.ShouldBe(new NodeId(2));

        Do(TopicControlCore.ElectUnclean(_state, P0, _brokers));
        Expect(leader: 2, epoch: 2, version: 3, inSync: [2]);
        TopicControlCore.ElectUnclean(_state, P0, _brokers).Error.ShouldBe(ErrorCode.ElectionNotNeeded);
        Change([4]);
        TopicControlCore.ElectUnclean(_state, P0, _brokers).Error.ShouldBe(ErrorCode.EligibleLeadersNotAvailable);
    }

    [Fact]
    public void A_reassignment_adds_first_and_drops_when_the_target_is_in_sync()
    {
        Reassign(4, 2).ShouldBe(ErrorCode.None);
        Partition.Replicas.ShouldBe(Nodes(4, 2, 1, 3));
        Partition.Adding.ShouldBe(Nodes(4));
        Partition.Removing.ShouldBe(Nodes(1, 3));
        Expect(leader: 1, epoch: 1, version: 1, inSync: [1, 2, 3]);

        Propose(leader: 1, epoch: 1, version: 1, inSync: [1, 2, 3, 4]).ShouldBe(ErrorCode.None);
        Partition.Replicas.ShouldBe(Nodes(4, 2));
        Partition.IsReassigning.ShouldBeFalse();
        Expect(leader: 4, epoch: 2, version: 2, inSync: [4, 2]);
    }

    [Fact]
    public void A_replica_that_comes_back_with_an_empty_log_is_known_by_a_new_epoch()
    {
        Reassign(1, 2).ShouldBe(ErrorCode.None);
        Partition.Replicas.ShouldBe(Nodes(1, 2));
        Expect(leader: 1, epoch: 0, version: 1, inSync: [1, 2]);
        Reassign(1, 2, 3).ShouldBe(ErrorCode.None);
        Expect(leader: 1, epoch: 1, version: 2, inSync: [1, 2]);
    }

    [Fact]
    public void A_reassignment_can_be_taken_back_or_replaced()
    {
        TopicControlCore.Reassign(_state, P0, null, _brokers).Error.ShouldBe(ErrorCode.NoReassignmentInProgress);
        Reassign(4, 2).ShouldBe(ErrorCode.None);
        Reassign(1, 4).ShouldBe(ErrorCode.None);
        Partition.Removing.ShouldBe(Nodes(2, 3));
        Do(TopicControlCore.Reassign(_state, P0, null, _brokers));
        Partition.Replicas.Order(Comparer<NodeId>.Create((a, b) => a.Value - b.Value)).ShouldBe(Nodes(1, 2, 3));
        Partition.IsReassigning.ShouldBeFalse();
    }

    [Fact]
    public void A_target_that_cannot_be_reached_is_refused()
    {
        Reassign().ShouldBe(ErrorCode.InvalidReplicaAssignment);
        Reassign(1, 1).ShouldBe(ErrorCode.InvalidReplicaAssignment);
        Reassign(1, 9).ShouldBe(ErrorCode.InvalidReplicaAssignment);
    }

    [Fact]
    public void A_lost_log_leaves_the_in_sync_set_under_a_new_epoch()
    {
        Do(TopicControlCore.ReplicaLost(_state, P0, new NodeId(2), _brokers));
        Expect(leader: 1, epoch: 1, version: 1, inSync: [1, 3]);
        Do(TopicControlCore.ReplicaLost(_state, P0, new NodeId(1), _brokers));
        Expect(leader: 3, epoch: 2, version: 2, inSync: [3]);
        TopicControlCore.ReplicaLost(_state, P0, new NodeId(3), _brokers).Error.ShouldBe(
            ErrorCode.EligibleLeadersNotAvailable, "what the last one has is all there is");
    }

    [Fact]
    public void A_lost_broker_is_replaced_by_those_with_the_fewest_replicas()
    {
        Do(TopicControlCore.Grow(_state, [Nodes(1, 2, 3), Nodes(2, 3, 4)], _brokers));
        _brokers = Statuses([2, 3, 4, 5]);
        Do(TopicControlCore.ReplaceBroker(_state, new NodeId(1), _brokers));
        _state.Partitions[0].Adding.ShouldBe(Nodes(5));
        _state.Partitions[1].Adding.Length.ShouldBe(1);
        _state.Partitions[2].IsReassigning.ShouldBeFalse();
    }

    private static ImmutableArray<NodeId> Nodes(params int[] ids) => [.. ids.Select(id => new NodeId(id))];

    private static BrokerStatuses Statuses(int[] live, params int[] draining) => new(Nodes(live), Nodes(draining));

    private void Change(int[] live, params int[] draining)
    {
        _brokers = Statuses(live, draining);
        Do(TopicControlCore.BrokersChanged(_state, _brokers));
    }

    private ErrorCode Propose(int leader, int epoch, int version, int[] inSync)
    {
        var proposal = new InSyncProposal(new NodeId(leader), new LeaderEpoch(epoch), version, Nodes(inSync));
        return Do(TopicControlCore.AlterInSync(_state, P0, proposal, _brokers));
    }

    private ErrorCode Reassign(params int[] target) => Do(TopicControlCore.Reassign(_state, P0, Nodes(target), _brokers));

    private ErrorCode Do(ControlStep step)
    {
        _state = step.State;
        return step.Error;
    }

    private void Expect(int leader, int epoch, int version, int[] inSync)
    {
        Partition.Leader.ShouldBe(new NodeId(leader));
        Partition.LeaderEpoch.ShouldBe(new LeaderEpoch(epoch));
        Partition.PartitionEpoch.ShouldBe(version);
        Partition.InSync.ShouldBe(Nodes(inSync));
    }
}
