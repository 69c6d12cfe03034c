using System.Text;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class JoinTests
{
    private readonly GroupWorld _world = new();

    [Fact]
    public void The_first_member_is_answered_after_the_initial_delay()
    {
        var join = _world.Join();
        _world.Advance(2_999);
        join.HasCome.ShouldBeFalse();
        _world.StateOf().ShouldBe("PreparingRebalance");

        _world.Advance(1);

        join.Value.Error.ShouldBe(ErrorCode.None);
        join.Value.Generation.ShouldBe(1);
        join.Value.Leader.ShouldBe(join.Value.MemberId);
        join.Value.ProtocolName.ShouldBe("range");
        join.Value.Members.ShouldHaveSingleItem().MemberId.ShouldBe(join.Value.MemberId);
        _world.StateOf().ShouldBe("CompletingRebalance");
    }

    [Fact]
    public void A_member_that_joins_during_the_initial_delay_prolongs_it_up_to_the_rebalance_timeout()
    {
        var first = _world.Join(rebalanceMs: 10_000);
        for (var i = 0; i < 4; i++)
        {
            _world.Advance(2_000);
            _world.Join(clientId: $"late-{i}", rebalanceMs: 10_000);
        }
        first.HasCome.ShouldBeFalse();

        _world.Advance(2_000);

        first.Value.Members.Count.ShouldBe(5);
        _world.NowMs.ShouldBe(10_000);
    }

    [Fact]
    public void A_dynamic_member_must_join_again_with_the_id_it_is_given()
    {
        var asked = _world.Join(clientId: "app", requireMemberId: true).Value;
        asked.Error.ShouldBe(ErrorCode.MemberIdRequired);
        asked.MemberId.ShouldStartWith("app-");

        var join = _world.Join(memberId: asked.MemberId, requireMemberId: true);
        _world.Advance(3_000);

        join.Value.MemberId.ShouldBe(asked.MemberId);
        join.Value.Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void An_id_that_is_not_used_within_the_session_timeout_is_void_and_so_is_the_group()
    {
        var asked = _world.Join(requireMemberId: true, sessionMs: 6_000).Value;
        _world.StateOf().ShouldBe("Empty");

        _world.Advance(6_000);

        _world.StateOf().ShouldBeNull();
        _world.Join(memberId: asked.MemberId).Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void A_rebalance_waits_for_an_id_that_was_given_out()
    {
        var (leader, _) = TwoMembers();
        var asked = _world.Join(requireMemberId: true).Value;
        var rejoined = _world.Join(memberId: leader.MemberId, protocols: [("range", [1])]);
        var other = _world.Join(memberId: _world.MemberIds().Single(id => id != leader.MemberId));

        rejoined.HasCome.ShouldBeFalse();
        _world.Join(memberId: asked.MemberId);

        rejoined.Value.Members.Count.ShouldBe(3);
        other.Value.Generation.ShouldBe(2);
    }

    [Theory]
    [InlineData(5_999)]
    [InlineData(1_800_001)]
    public void A_session_timeout_out_of_bounds_is_refused(int sessionMs) =>
        _world.Join(sessionMs: sessionMs).Value.Error.ShouldBe(ErrorCode.InvalidSessionTimeout);

    [Fact]
    public void An_empty_group_id_is_refused() => _world.Join(group: "").Value.Error.ShouldBe(ErrorCode.InvalidGroupId);

    [Fact]
    public void An_unknown_member_id_is_refused()
    {
        _world.Join(memberId: "ghost").Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
        TwoMembers();
        _world.Join(memberId: "ghost").Value.Error.ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void A_member_with_nothing_in_common_with_the_others_is_refused()
    {
        TwoMembers();
        _world.Join(protocols: [("roundrobin", [])]).Value.Error.ShouldBe(ErrorCode.InconsistentGroupProtocol);
        _world.Join(protocolType: "connect").Value.Error.ShouldBe(ErrorCode.InconsistentGroupProtocol);
        _world.Join(group: "other", protocols: []).Value.Error.ShouldBe(ErrorCode.InconsistentGroupProtocol);
        _world.StateOf("other").ShouldBeNull();
    }

    [Fact]
    public void The_protocol_with_the_most_votes_among_those_all_members_speak_is_chosen()
    {
        var join = _world.Join(protocols: [("a", []), ("b", []), ("only-mine", [])]);
        _world.Join(protocols: [("b", []), ("a", [])]);
        _world.Join(protocols: [("other", []), ("b", []), ("a", [])]);
        _world.Advance(60_000);
        join.Value.ProtocolName.ShouldBe("b");
    }

    [Fact]
    public void A_new_member_makes_the_others_join_again_and_only_the_leader_is_told_the_members()
    {
        var (leader, follower) = TwoMembers();
        _world.Stabilize(leader.MemberId, 1);

        var third = _world.Join(clientId: "third");
        _world.Heartbeat(leader.MemberId, 1).ShouldBe(ErrorCode.RebalanceInProgress);
        var leaderAgain = _world.Join(memberId: leader.MemberId);
        var followerAgain = _world.Join(memberId: follower.MemberId);

        leaderAgain.Value.Members.Count.ShouldBe(3);
        leaderAgain.Value.Generation.ShouldBe(2);
        followerAgain.Value.Members.ShouldBeEmpty();
        third.Value.Leader.ShouldBe(leader.MemberId);
    }

    [Fact]
    public void Members_that_do_not_join_in_time_are_out_and_another_leads()
    {
        var (leader, follower) = TwoMembers();
        _world.Stabilize(leader.MemberId, 1);

        var followerAgain = _world.Join(memberId: follower.MemberId, protocols: [("range", [9])], rebalanceMs: 5_000);
        _world.KeepAlive(leader.MemberId, 1, 60_000);

        followerAgain.Value.Leader.ShouldBe(follower.MemberId);
        followerAgain.Value.Members.ShouldHaveSingleItem().Metadata.ShouldBe([9]);
        _world.Heartbeat(leader.MemberId, 2).ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public void In_a_stable_group_a_follower_that_joins_unchanged_gets_the_generation_without_a_rebalance()
    {
        var (leader, follower) = TwoMembers();
        _world.Stabilize(leader.MemberId, 1);

        var again = _world.Join(memberId: follower.MemberId).Value;

        again.Generation.ShouldBe(1);
        again.Members.ShouldBeEmpty();
        _world.StateOf().ShouldBe("Stable");
    }

    [Fact]
    public void In_a_stable_group_a_leader_that_joins_again_starts_a_rebalance()
    {
        var (leader, _) = TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        _world.Join(memberId: leader.MemberId).HasCome.ShouldBeFalse();
        _world.StateOf().ShouldBe("PreparingRebalance");
    }

    [Fact]
    public void A_join_answer_that_was_lost_is_given_again_while_completing()
    {
        var (leader, follower) = TwoMembers();
        _world.Join(memberId: leader.MemberId).Value.Members.Count.ShouldBe(2);
        _world.Join(memberId: follower.MemberId).Value.Members.ShouldBeEmpty();
        _world.StateOf().ShouldBe("CompletingRebalance");
    }

    [Fact]
    public void A_join_sent_again_supersedes_the_first_which_is_answered()
    {
        var (leader, follower) = TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        var first = _world.Join(memberId: leader.MemberId);
        var second = _world.Join(memberId: leader.MemberId);

        first.Value.Error.ShouldBe(ErrorCode.RebalanceInProgress);
        _world.Join(memberId: follower.MemberId);
        second.Value.Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Cooperative_members_rebalance_twice_to_move_a_partition()
    {
        (string, byte[])[] Owning(string owned) => [("cooperative-sticky", Encoding.UTF8.GetBytes(owned))];

        var first = _world.Join(protocols: Owning("none"));
        _world.Advance(3_000);
        var one = first.Value.MemberId;
        _world.Stabilize(one, 1);

        // The newcomer gets nothing yet: the owner is told to give up p1, and joins again having done so.
        var newcomer = _world.Join(protocols: Owning("none"));
        var owner = _world.Join(memberId: one, protocols: Owning("p0,p1"));
        var two = newcomer.Value.MemberId;
        var given = _world.Sync(two, 2);
        _world.Sync(one, 2, new() { [one] = "p0"u8.ToArray(), [two] = [] }).Value.Assignment.ShouldBe("p0"u8.ToArray());
        given.Value.Assignment.ShouldBeEmpty();

        owner = _world.Join(memberId: one, protocols: Owning("p0"));
        _world.Heartbeat(two, 2).ShouldBe(ErrorCode.RebalanceInProgress);
        _world.Join(memberId: two, protocols: Owning("none"));
        owner.Value.Members.Single(member => member.MemberId == one).Metadata.ShouldBe("p0"u8.ToArray());
        given = _world.Sync(two, 3);
        _world.Sync(one, 3, new() { [one] = "p0"u8.ToArray(), [two] = "p1"u8.ToArray() });
        given.Value.Assignment.ShouldBe("p1"u8.ToArray());
    }

    [Fact]
    public void A_group_takes_no_more_members_than_its_size()
    {
        var world = new GroupWorld(new BrokerConfig { GroupMaxSize = 2 });
        var first = world.Join();
        world.Join();
        world.Join().Value.Error.ShouldBe(ErrorCode.GroupMaxSizeReached);
        world.Advance(6_000);
        first.Value.Members.Count.ShouldBe(2);
        world.Join().Value.Error.ShouldBe(ErrorCode.GroupMaxSizeReached);
    }

    [Fact]
    public void Thousands_of_members_join_and_rebalance_as_one_generation()
    {
        const int Count = 3_000;
        var joins = Enumerable.Range(0, Count).Select(i => _world.Join(clientId: $"c{i}", rebalanceMs: 60_000)).ToList();
        _world.Advance(60_000);
        joins.ShouldAllBe(join => join.Value.Generation == 1);
        joins.Count(join => join.Value.Members.Count == Count).ShouldBe(1);
    }

    [Fact]
    public void The_reason_of_the_client_is_noted()
    {
        _world.Join(reason: "topics changed");
        _world.Events.ShouldContain(e => e.Text.Contains("client reason: topics changed"));
    }

    private (JoinGroupReply Leader, JoinGroupReply Follower) TwoMembers() => _world.TwoMembers();
}
