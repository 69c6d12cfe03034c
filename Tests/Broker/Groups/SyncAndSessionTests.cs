using Loire.Broker.Ports;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class SyncAndSessionTests
{
    private readonly GroupWorld _world = new();

    [Fact]
    public void Followers_wait_for_the_leaders_assignment()
    {
        var (leader, follower) = _world.TwoMembers();
        var waiting = _world.Sync(follower.MemberId, 1);
        waiting.HasCome.ShouldBeFalse();

        var leading = _world.Sync(leader.MemberId, 1, new() { [leader.MemberId] = [1], [follower.MemberId] = [2] });

        leading.Value.Assignment.ShouldBe([1]);
        waiting.Value.Assignment.ShouldBe([2]);
        waiting.Value.ProtocolType.ShouldBe("consumer");
        waiting.Value.ProtocolName.ShouldBe("range");
        _world.StateOf().ShouldBe("Stable");
    }

    [Fact]
    public void An_assignment_is_handed_out_only_when_it_is_committed()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.CommitsAtOnce = false;
        var waiting = _world.Sync(follower.MemberId, 1);
        var leading = _world.Sync(leader.MemberId, 1, new() { [follower.MemberId] = [2] });
        leading.HasCome.ShouldBeFalse();
        _world.StateOf().ShouldBe("CompletingRebalance");

        _world.CommitAll();

        waiting.Value.Assignment.ShouldBe([2]);
        leading.Value.Assignment.ShouldBeEmpty();
    }

    [Fact]
    public void An_assignment_that_the_log_refuses_fails_the_syncs_and_rebalances()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.CommitsAtOnce = false;
        var waiting = _world.Sync(follower.MemberId, 1);
        var leading = _world.Sync(leader.MemberId, 1);

        _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);

        waiting.Value.Error.ShouldBe(ErrorCode.CoordinatorNotAvailable);
        leading.Value.Error.ShouldBe(ErrorCode.CoordinatorNotAvailable);
        _world.StateOf().ShouldBe("PreparingRebalance");
    }

    [Fact]
    public void A_second_assignment_for_a_generation_changes_nothing()
    {
        var (leader, _) = _world.TwoMembers();
        _world.CommitsAtOnce = false;
        var first = _world.Sync(leader.MemberId, 1, new() { [leader.MemberId] = [1] });
        var second = _world.Sync(leader.MemberId, 1, new() { [leader.MemberId] = [2] });
        first.Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);
        _world.InFlight.Count.ShouldBe(1);

        _world.CommitAll();

        second.Value.Assignment.ShouldBe([1]);
    }

    [Fact]
    public void A_rebalance_that_begins_while_the_assignment_is_written_wins()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.CommitsAtOnce = false;
        var leading = _world.Sync(leader.MemberId, 1, new() { [leader.MemberId] = [1] });
        _world.Leave(follower.MemberId);
        leading.Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);

        _world.CommitAll();

        _world.StateOf().ShouldBe("PreparingRebalance");
        _world.Join(memberId: leader.MemberId).Value.Generation.ShouldBe(2);
    }

    [Fact]
    public void Syncs_that_do_not_fit_are_refused()
    {
        var (leader, _) = _world.TwoMembers();
        _world.Sync("ghost", 1).Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
        _world.Sync(leader.MemberId, 2).Value.Error.ShouldBe(ErrorCode.IllegalGeneration);
        _world.Sync(leader.MemberId, 1, protocolType: "connect").Value.Error.ShouldBe(ErrorCode.InconsistentGroupProtocol);
        _world.Sync(leader.MemberId, 1, protocolName: "sticky").Value.Error.ShouldBe(ErrorCode.InconsistentGroupProtocol);
        _world.Sync(leader.MemberId, 1, group: "none").Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
        _world.Sync(leader.MemberId, 1, group: "").Value.Error.ShouldBe(ErrorCode.InvalidGroupId);
        _world.Sync(leader.MemberId, 1, instanceId: "i").Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
        _world.Join(clientId: "third");
        _world.Sync(leader.MemberId, 1).Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);
    }

    [Fact]
    public void A_leader_that_never_assigns_is_out_after_the_rebalance_timeout_and_another_takes_over()
    {
        var (leader, follower) = _world.TwoMembers();
        var waiting = _world.Sync(follower.MemberId, 1);
        _world.KeepAlive(leader.MemberId, 1, 60_000);

        waiting.Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);
        var again = _world.Join(memberId: follower.MemberId).Value;
        again.Leader.ShouldBe(follower.MemberId);
        again.Members.ShouldHaveSingleItem();
        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void A_leader_that_dies_in_sync_is_out_after_its_session_timeout()
    {
        var (_, follower) = _world.TwoMembers();
        var waiting = _world.Sync(follower.MemberId, 1);

        _world.Advance(10_000);

        waiting.Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);
        _world.Join(memberId: follower.MemberId).Value.Leader.ShouldBe(follower.MemberId);
    }

    [Fact]
    public void A_member_that_is_silent_for_its_session_timeout_is_out()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);

        _world.KeepAlive(leader.MemberId, 1, 12_000);

        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.RebalanceInProgress);
        _world.Heartbeat(follower.MemberId, 1).ShouldBe(ErrorCode.UnknownMemberId);
        _world.Join(memberId: leader.MemberId).Value.Members.ShouldHaveSingleItem();
    }

    [Fact]
    public void Heartbeats_and_commits_keep_a_member()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        for (var i = 0; i < 20; i++)
        {
            _world.Advance(5_000);
            _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.None);
            _world.Commit(i, memberId: follower.MemberId, generation: 1).Value.ShouldBe([ErrorCode.None]);
        }
        _world.StateOf().ShouldBe("Stable");
    }

    [Fact]
    public void Heartbeats_that_do_not_fit_are_refused()
    {
        var (leader, _) = _world.TwoMembers();
        _world.Heartbeat("ghost", 1).ShouldBe(ErrorCode.UnknownMemberId);
        _world.Heartbeat(leader.MemberId, 0).ShouldBe(ErrorCode.IllegalGeneration);
        _world.Heartbeat(leader.MemberId, 1, group: "none").ShouldBe(ErrorCode.UnknownMemberId);
        _world.Heartbeat(leader.MemberId, 1, group: "").ShouldBe(ErrorCode.InvalidGroupId);
        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_new_member_whose_client_gave_up_is_out_after_five_minutes()
    {
        var (leader, _) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        var newcomer = _world.Join(rebalanceMs: 1_000_000);

        _world.KeepAlive(leader.MemberId, 1, 299_999);
        newcomer.HasCome.ShouldBeFalse();
        _world.KeepAlive(leader.MemberId, 1, 1);

        newcomer.Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void When_the_last_member_leaves_the_group_is_empty_and_keeps_its_generation()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        _world.Leave(leader.MemberId).Value.Members.ShouldBe([ErrorCode.None]);
        _world.Leave(follower.MemberId);
        _world.StateOf().ShouldBe("Empty");

        _world.Restart();

        var join = _world.Join();
        _world.Advance(3_000);
        join.Value.Generation.ShouldBe(3);
    }

    [Fact]
    public void Leaving_a_group_that_is_not_there_is_an_error_for_each_member()
    {
        _world.Leave("ghost").Value.ShouldSatisfyAllConditions(
            reply => reply.Error.ShouldBe(ErrorCode.None),
            reply => reply.Members.ShouldBe([ErrorCode.UnknownMemberId]));
    }

    [Fact]
    public void After_a_restart_members_go_on_with_their_generation_or_are_out_after_their_session()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);

        _world.Restart();

        _world.StateOf().ShouldBe("Stable");
        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.None);
        _world.Sync(follower.MemberId, 1).Value.Assignment.ShouldBe(System.Text.Encoding.UTF8.GetBytes(follower.MemberId));
        _world.KeepAlive(leader.MemberId, 1, 12_000);
        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.RebalanceInProgress);
    }

    [Fact]
    public void A_group_loaded_over_its_size_rebalances_down_to_it()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        var core = _world.Load(_world.Log, new BrokerConfig { GroupMaxSize = 1 });
        core.Describe(new GroupId("g"))!.State.ShouldBe("PreparingRebalance");
        follower.Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Unloading_answers_all_who_wait()
    {
        var (leader, follower) = _world.TwoMembers();
        var sync = _world.Sync(follower.MemberId, 1);
        var join = _world.Join(group: "other");
        _world.CommitsAtOnce = false;
        var assignment = _world.Sync(leader.MemberId, 1);
        var commit = _world.Commit(1, group: "third");

        _world.Run(step => _world.Core.Unload(ErrorCode.NotCoordinator, step));

        sync.Value.Error.ShouldBe(ErrorCode.NotCoordinator);
        join.Value.Error.ShouldBe(ErrorCode.NotCoordinator);
        assignment.Value.Error.ShouldBe(ErrorCode.NotCoordinator);
        commit.Value.ShouldBe([ErrorCode.NotCoordinator]);
    }
}
