using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class LeaderStateTests
{
    private const long LagMaxMs = 100;
    private static readonly NodeId Self = new(1);
    private static readonly NodeId Second = new(2);
    private static readonly NodeId Third = new(3);
    private Offset _logEnd = new(10);

    [Fact]
    public void A_new_leader_waits_to_hear_of_all_in_sync()
    {
        var leader = Lead(Self, Second);
        leader.Durable(Self, new Offset(10)).ShouldBeFalse();
        Fetch(leader, Second, 8, nowMs: 1).ShouldBeNull();
        leader.HighWatermark.ShouldBe(new Offset(8));
        Fetch(leader, Second, 10, nowMs: 2).ShouldBeNull();
        leader.HighWatermark.ShouldBe(new Offset(10));
    }

    [Fact]
    public void A_follower_that_has_all_committed_of_this_epoch_is_proposed_once_and_counts_from_then_on()
    {
        var leader = Lead(Self);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 5, nowMs: 1).ShouldBeNull();
        var proposal = Fetch(leader, Second, 10, nowMs: 2).ShouldNotBeNull();
        proposal.InSync.ShouldBe([Self, Second]);
        proposal.PartitionEpoch.ShouldBe(3);
        Fetch(leader, Second, 10, nowMs: 3).ShouldBeNull();

        _logEnd = new Offset(20);
        leader.Durable(Self, new Offset(20)).ShouldBeFalse();
        leader.HighWatermark.ShouldBe(new Offset(10));
        leader.InSyncCount.ShouldBe(1);
    }

    [Fact]
    public void A_proposal_that_was_not_granted_counts_until_a_newer_state_is_known()
    {
        var leader = Lead(Self);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 10, nowMs: 0).ShouldNotBeNull();
        _logEnd = new Offset(20);
        leader.Durable(Self, new Offset(20));

        // It fell behind, but an older proposal of it may still be granted: the next one voids it.
        leader.CheckLag(nowMs: 500, LagMaxMs, out var proposal).ShouldBeFalse();
        proposal.ShouldNotBeNull().InSync.ShouldBe([Self]);
        leader.HighWatermark.ShouldBe(new Offset(10));
        leader.Confirmed(State([Self], version: 4)).ShouldBeTrue();
        leader.HighWatermark.ShouldBe(new Offset(20));
    }

    [Fact]
    public void A_late_follower_counts_until_the_controller_has_dropped_it()
    {
        var leader = Lead(Self, Second);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 4, nowMs: 1);
        leader.CheckLag(nowMs: 50, LagMaxMs, out var none);
        none.ShouldBeNull();
        leader.CheckLag(nowMs: 300, LagMaxMs, out var proposal);
        proposal.ShouldNotBeNull().InSync.ShouldBe([Self]);
        leader.HighWatermark.ShouldBe(new Offset(4));
        leader.Confirmed(State([Self], version: 4)).ShouldBeTrue();
        leader.HighWatermark.ShouldBe(new Offset(10));
    }

    [Fact]
    public void A_follower_that_keeps_pace_holds_the_high_watermark_so_that_it_can_join()
    {
        var leader = Lead(Self);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 6, nowMs: 1).ShouldBeNull();
        _logEnd = new Offset(20);
        Fetch(leader, Second, 10, nowMs: 2);
        leader.Durable(Self, new Offset(20));
        leader.HighWatermark.ShouldBe(new Offset(10));
        leader.CheckLag(nowMs: 500, LagMaxMs, out _);
        leader.Confirmed(State([Self], version: 4));
        leader.HighWatermark.ShouldBe(new Offset(20));
    }

    [Fact]
    public void A_leader_that_resigns_leaves_out_none_of_those_who_are_to_succeed_it()
    {
        var leader = Lead(Self, Second);
        leader.IsResigning = true;
        leader.CheckLag(nowMs: 500, LagMaxMs, out var proposal).ShouldBeFalse();
        proposal.ShouldBeNull();
        leader.HighWatermark.ShouldBe(Offset.Zero);
    }

    [Fact]
    public void Who_is_dropped_by_the_controller_is_not_waited_for_until_it_is_heard_of_again()
    {
        var leader = Lead(Self, Second);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 10, nowMs: 1);
        _logEnd = new Offset(20);
        leader.Durable(Self, new Offset(20));
        leader.HighWatermark.ShouldBe(new Offset(10));

        // The controller saw it die, long before the lag time.
        leader.Confirmed(State([Self], version: 4)).ShouldBeTrue();
        leader.HighWatermark.ShouldBe(new Offset(20));

        Fetch(leader, Second, 20, nowMs: 2).ShouldNotBeNull().InSync.ShouldBe([Self, Second]);
    }

    [Fact]
    public void Who_was_dropped_and_has_everything_is_proposed_though_the_clock_has_not_moved()
    {
        var leader = Lead(Self, Second);
        leader.Durable(Self, new Offset(10));
        leader.Confirmed(State([Self], version: 4));
        Fetch(leader, Second, 10, nowMs: 0).ShouldNotBeNull().InSync.ShouldBe([Self, Second]);
    }

    [Fact]
    public void Who_was_proposed_and_is_denied_is_not_waited_for_nor_proposed_at_every_fetch()
    {
        var leader = Lead(Self);
        leader.Durable(Self, new Offset(10));
        Fetch(leader, Second, 10, nowMs: 1).ShouldNotBeNull();
        _logEnd = new Offset(20);
        leader.Durable(Self, new Offset(20)).ShouldBeFalse();

        // The controller knows that it is down.
        leader.Confirmed(State([Self], version: 4)).ShouldBeTrue();
        leader.HighWatermark.ShouldBe(new Offset(20));

        Fetch(leader, Second, 20, nowMs: 2).ShouldBeNull();
        leader.CheckLag(nowMs: 3, LagMaxMs, out _);
        Fetch(leader, Second, 20, nowMs: 4).ShouldNotBeNull().InSync.ShouldBe([Self, Second]);
    }

    [Fact]
    public void A_follower_whose_disk_is_behind_its_fetches_stays_in_sync()
    {
        var leader = Lead(Self, Second);
        for (var nowMs = 0; nowMs <= 10 * LagMaxMs; nowMs += 10)
        {
            // It has synced what the leader had three fetches ago.
            Fetch(leader, Second, _logEnd.Value - 30, nowMs);
            _logEnd += 10;
            leader.CheckLag(nowMs, LagMaxMs, out var proposal);
            proposal.ShouldBeNull();
        }

        leader.CheckLag(nowMs: 20 * LagMaxMs, LagMaxMs, out var late);
        late.ShouldNotBeNull().InSync.ShouldBe([Self]);
    }

    [Fact]
    public void Strangers_change_nothing()
    {
        var leader = Lead(Self);
        Fetch(leader, new NodeId(9), 10, nowMs: 1).ShouldBeNull();
        leader.Durable(new NodeId(9), new Offset(10)).ShouldBeFalse();
        leader.HasReplica(new NodeId(9)).ShouldBeFalse();
    }

    private static PartitionState State(NodeId[] inSync, int version) => new()
    {
        Replicas = [Self, Second, Third],
        InSync = [.. inSync],
        Leader = Self,
        LeaderEpoch = LeaderEpoch.Zero,
        PartitionEpoch = version,
    };

    private LeaderState Lead(params NodeId[] inSync) => new(State(inSync, version: 3), _logEnd, Offset.Zero, nowMs: 0);

    private InSyncProposal? Fetch(LeaderState leader, NodeId follower, long offset, long nowMs)
    {
        leader.Fetched(follower, new Offset(offset), _logEnd, nowMs, out var proposal);
        return proposal;
    }
}
