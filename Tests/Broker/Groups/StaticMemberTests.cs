using Loire.Broker.Groups;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class StaticMemberTests
{
    private readonly GroupWorld _world = new();

    [Fact]
    public void A_static_member_is_named_after_its_instance_and_needs_no_second_join()
    {
        var (leader, _) = StableGroup();
        leader.MemberId.ShouldStartWith("instance-1-");
    }

    [Fact]
    public void A_static_member_that_restarts_gets_its_assignment_back_without_a_rebalance()
    {
        var (leader, follower) = StableGroup();

        var back = _world.Join(instanceId: "instance-2").Value;

        back.Error.ShouldBe(ErrorCode.None);
        back.Generation.ShouldBe(1);
        back.MemberId.ShouldNotBe(follower.MemberId);
        _world.StateOf().ShouldBe("Stable");
        _world.Sync(back.MemberId, 1, instanceId: "instance-2").Value.Assignment
            .ShouldBe(System.Text.Encoding.UTF8.GetBytes(follower.MemberId));
        _world.Heartbeat(leader.MemberId, 1, instanceId: "instance-1").ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void The_predecessor_of_a_replaced_static_member_is_fenced()
    {
        var (_, follower) = StableGroup();
        _world.Join(instanceId: "instance-2");

        _world.Heartbeat(follower.MemberId, 1, instanceId: "instance-2").ShouldBe(ErrorCode.FencedInstanceId);
        _world.Sync(follower.MemberId, 1, instanceId: "instance-2").Value.Error.ShouldBe(ErrorCode.FencedInstanceId);
        _world.Join(memberId: follower.MemberId, instanceId: "instance-2").Value.Error.ShouldBe(ErrorCode.FencedInstanceId);
        _world.Leave(follower.MemberId, "instance-2").Value.Members.ShouldBe([ErrorCode.FencedInstanceId]);
        _world.Commit(1, memberId: follower.MemberId, generation: 1, instanceId: "instance-2").Value
            .ShouldBe([ErrorCode.FencedInstanceId]);
        _world.Heartbeat(follower.MemberId, 1).ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void A_restarted_leader_is_told_to_skip_the_assignment()
    {
        StableGroup();
        var back = _world.Join(instanceId: "instance-1").Value;
        back.SkipAssignment.ShouldBeTrue();
        back.Leader.ShouldBe(back.MemberId);
        back.Members.Count.ShouldBe(2);
    }

    [Fact]
    public void A_restarted_leader_of_an_old_client_is_not_told_that_it_leads()
    {
        var (leader, _) = StableGroup();
        var back = _world.Join(instanceId: "instance-1", canSkipAssignment: false).Value;
        back.SkipAssignment.ShouldBeFalse();
        back.Leader.ShouldBe(leader.MemberId);
        back.Members.ShouldBeEmpty();
    }

    [Fact]
    public void A_restart_that_changes_the_choice_of_protocol_rebalances()
    {
        (string, byte[])[] both = [("a", []), ("b", [])];
        var first = _world.Join(instanceId: "instance-1", protocols: both);
        _world.Advance(3_000);
        _world.Stabilize(first.Value.MemberId, 1);

        var back = _world.Join(instanceId: "instance-1", protocols: [("b", []), ("a", [])]);

        back.Value.Generation.ShouldBe(2);
        back.Value.ProtocolName.ShouldBe("b");
    }

    [Fact]
    public void A_restart_while_the_leader_assigns_rebalances_and_fences_who_waited()
    {
        var (_, follower) = _world.TwoMembers("instance-1", "instance-2");
        var waiting = _world.Sync(follower.MemberId, 1, instanceId: "instance-2");

        _world.Join(instanceId: "instance-2").HasCome.ShouldBeFalse();

        waiting.Value.Error.ShouldBe(ErrorCode.FencedInstanceId);
        _world.StateOf().ShouldBe("PreparingRebalance");
    }

    [Fact]
    public void A_static_member_that_does_not_join_keeps_its_place()
    {
        var (leader, follower) = StableGroup(sessionMs: 300_000);
        var join = _world.Join(memberId: leader.MemberId, instanceId: "instance-1", sessionMs: 300_000);

        _world.Advance(60_000);

        join.Value.Generation.ShouldBe(2);
        join.Value.Members.Select(member => member.MemberId).ShouldContain(follower.MemberId);
    }

    [Fact]
    public void A_group_of_static_members_none_of_whom_joins_ends_with_their_sessions()
    {
        StableGroup();
        _world.Join(instanceId: "instance-2", sessionMs: 60_000, rebalanceMs: 0).Value.Error.ShouldBe(ErrorCode.None);
        _world.Leave("", "instance-1");
        _world.Advance(9_000);
        _world.StateOf().ShouldBe("PreparingRebalance");

        _world.Advance(61_000);

        _world.StateOf().ShouldBe("Empty");
    }

    [Fact]
    public void An_administrator_removes_a_static_member_by_its_instance_id()
    {
        StableGroup();
        _world.Leave("", "instance-2").Value.Members.ShouldBe([ErrorCode.None]);
        _world.Leave("", "instance-2").Value.Members.ShouldBe([ErrorCode.UnknownMemberId]);
        _world.StateOf().ShouldBe("PreparingRebalance");
    }

    [Fact]
    public void A_new_id_is_told_only_when_it_is_committed()
    {
        StableGroup();
        _world.CommitsAtOnce = false;
        var back = _world.Join(instanceId: "instance-2");
        back.HasCome.ShouldBeFalse();
        _world.CommitAll();
        back.Value.Error.ShouldBe(ErrorCode.None);
        _world.Restart();
        _world.Heartbeat(back.Value.MemberId, 1, instanceId: "instance-2").ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_new_id_that_the_log_refuses_is_not_told_and_the_client_may_try_again()
    {
        StableGroup();
        _world.CommitsAtOnce = false;
        var refused = _world.Join(instanceId: "instance-2");
        _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);
        refused.Value.Error.ShouldBe(ErrorCode.CoordinatorNotAvailable);
        refused.Value.MemberId.ShouldBeEmpty();

        var back = _world.Join(instanceId: "instance-2");
        _world.CommitAll();
        back.Value.Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Of_two_restarts_at_once_the_later_wins()
    {
        StableGroup();
        _world.CommitsAtOnce = false;
        var first = _world.Join(instanceId: "instance-2");
        var second = _world.Join(instanceId: "instance-2");
        first.Value.Error.ShouldBe(ErrorCode.FencedInstanceId);
        _world.CommitAll();
        second.Value.Error.ShouldBe(ErrorCode.None);
        _world.Restart();
        _world.Heartbeat(second.Value.MemberId, 1, instanceId: "instance-2").ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_restart_whose_time_to_sync_runs_out_while_it_is_recorded_is_answered()
    {
        _world.Join(instanceId: "instance-1", sessionMs: 300_000);
        _world.Join(instanceId: "instance-2", sessionMs: 300_000);
        _world.Advance(6_000);
        var leader = _world.MemberIds()[0];
        _world.Sync(leader, 1, new() { [leader] = [1] });
        _world.StateOf().ShouldBe("Stable");
        _world.CommitsAtOnce = false;
        var back = _world.Join(instanceId: "instance-2", sessionMs: 300_000);
        back.HasCome.ShouldBeFalse();

        _world.Advance(60_000);

        back.Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
        _world.CommitAll();
    }

    private (JoinGroupReply Leader, JoinGroupReply Follower) StableGroup(int sessionMs = 60_000)
    {
        var first = _world.Join(instanceId: "instance-1", sessionMs: sessionMs);
        var second = _world.Join(instanceId: "instance-2", sessionMs: sessionMs);
        _world.Advance(6_000);
        _world.Stabilize(first.Value.MemberId, 1);
        return (first.Value, second.Value);
    }
}
