using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class OffsetTests
{
    private const long DayMs = 86_400_000;
    private readonly GroupWorld _world = new();

    [Fact]
    public void A_client_without_membership_stores_and_reads_offsets()
    {
        _world.Commit(7, metadata: "note").Value.ShouldBe([ErrorCode.None]);
        _world.Fetch().ShouldBe(7);
        _world.Fetch(partition: 1).ShouldBeNull();
        _world.Fetch(group: "none").ShouldBeNull();
        _world.StateOf().ShouldBe("Empty");
        var all = _world.StartFetch(false, "g", null).Value.Offsets.ShouldHaveSingleItem();
        all.Value!.Metadata.ShouldBe("note");
        all.Value.CommitTimestampMs.ShouldBe(GroupWorld.StartUnixMs);
    }

    [Fact]
    public void The_empty_group_id_may_store_offsets()
    {
        _world.Commit(7, group: "").Value.ShouldBe([ErrorCode.None]);
        _world.Fetch(group: "").ShouldBe(7);
    }

    [Fact]
    public void A_commit_is_answered_and_seen_only_when_it_is_committed()
    {
        _world.CommitsAtOnce = false;
        var commit = _world.Commit(7);
        commit.HasCome.ShouldBeFalse();
        _world.Fetch().ShouldBeNull();
        _world.StateOf().ShouldBeNull();

        _world.CommitAll();

        commit.Value.ShouldBe([ErrorCode.None]);
        _world.Fetch().ShouldBe(7);
    }

    [Fact]
    public void A_stable_fetch_waits_for_the_commits_before_it_and_not_for_those_after()
    {
        _world.CommitsAtOnce = false;
        _world.Commit(7);
        _world.Commit(8);
        var fetch = _world.StartFetch(true, "g", GroupWorld.Partition("topic", 0));
        _world.Commit(9);
        _world.CommitNext();
        fetch.HasCome.ShouldBeFalse();
        _world.CommitNext();
        fetch.Value.Offsets[0].Value!.Offset.ShouldBe(new Offset(8));
    }

    [Fact]
    public void A_commit_that_the_log_refuses_leaves_the_old_offset()
    {
        _world.Commit(7);
        _world.CommitsAtOnce = false;
        var commit = _world.Commit(8);
        _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);
        commit.Value.ShouldBe([ErrorCode.CoordinatorNotAvailable]);
        _world.Fetch().ShouldBe(7);
        _world.Commit(9, group: "new");
        _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);
        _world.Core.GroupCount.ShouldBe(1);
    }

    [Fact]
    public void Metadata_over_its_limit_is_refused_for_its_partition_alone()
    {
        var answer = new Answer<IReadOnlyList<ErrorCode>>();
        OffsetToCommit Offset(int partition, int length) => new(
            GroupWorld.Partition("topic", partition), TopicId.None, new Offset(1), LeaderEpoch.None, new string('x', length));
        _world.Run(step => _world.Core.Handle(
            new OffsetCommitCommand(new GroupId("g"), "", null, -1, true, null, [Offset(0, 4_097), Offset(1, 4_096)], answer),
            step));
        answer.Value.ShouldBe([ErrorCode.OffsetMetadataTooLarge, ErrorCode.None]);
        _world.Fetch(partition: 0).ShouldBeNull();
        _world.Fetch(partition: 1).ShouldBe(1);
    }

    [Fact]
    public void Only_members_of_the_generation_commit_to_a_group_that_has_members()
    {
        var (leader, _) = _world.TwoMembers();
        string id = leader.MemberId;
        _world.Commit(1, memberId: id, generation: 1).Value.ShouldBe([ErrorCode.RebalanceInProgress]);
        _world.Stabilize(id, 1);

        _world.Commit(1, memberId: id, generation: 1).Value.ShouldBe([ErrorCode.None]);
        _world.Commit(2, memberId: id, generation: 2).Value.ShouldBe([ErrorCode.IllegalGeneration]);
        _world.Commit(2, memberId: id).Value.ShouldBe([ErrorCode.IllegalGeneration]);
        _world.Commit(2, memberId: "ghost", generation: 1).Value.ShouldBe([ErrorCode.UnknownMemberId]);
        _world.Commit(2).Value.ShouldBe([ErrorCode.UnknownMemberId]);
        _world.Fetch().ShouldBe(1);

        _world.Join(memberId: id);
        _world.Commit(3, memberId: id, generation: 1).Value.ShouldBe([ErrorCode.None]);
    }

    [Fact]
    public void A_generation_of_a_group_that_is_not_there_is_refused_as_the_client_understands()
    {
        _world.Commit(1, memberId: "m", generation: 3).Value.ShouldBe([ErrorCode.GroupIdNotFound]);
        _world.Commit(1, memberId: "m", generation: 3, knowsGroupIdNotFound: false).Value
            .ShouldBe([ErrorCode.IllegalGeneration]);
    }

    [Fact]
    public void Offsets_of_a_subscribed_topic_cannot_be_deleted()
    {
        var (leader, _) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        _world.Commit(1, memberId: leader.MemberId, generation: 1);
        _world.Commit(2, topic: "old", memberId: leader.MemberId, generation: 1);

        _world.DeleteOffsets().Value.Partitions.ShouldBe([ErrorCode.GroupSubscribedToTopic]);
        _world.DeleteOffsets("old").Value.Partitions.ShouldBe([ErrorCode.None]);
        _world.DeleteOffsets("never").Value.Partitions.ShouldBe([ErrorCode.None]);

        _world.Fetch().ShouldBe(1);
        _world.Fetch("old").ShouldBeNull();
        _world.DeleteOffsets(group: "none").Value.Error.ShouldBe(ErrorCode.GroupIdNotFound);
        _world.DeleteOffsets(group: "").Value.Error.ShouldBe(ErrorCode.InvalidGroupId);
    }

    [Fact]
    public void Offsets_of_a_group_of_another_protocol_type_cannot_be_deleted_while_it_has_members()
    {
        _world.Join(protocolType: "connect");
        _world.DeleteOffsets().Value.Error.ShouldBe(ErrorCode.NonEmptyGroup);
    }

    [Fact]
    public void Only_an_empty_group_can_be_deleted_and_its_offsets_go_with_it()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        _world.Commit(1, memberId: leader.MemberId, generation: 1);
        _world.DeleteGroup().Value.ShouldBe(ErrorCode.NonEmptyGroup);
        _world.DeleteGroup("none").Value.ShouldBe(ErrorCode.GroupIdNotFound);
        _world.Leave(leader.MemberId);
        _world.Leave(follower.MemberId);

        _world.DeleteGroup().Value.ShouldBe(ErrorCode.None);

        _world.Fetch().ShouldBeNull();
        _world.StateOf().ShouldBeNull();
        _world.Core.GroupCount.ShouldBe(0);
        _world.Restart();
        _world.Core.GroupCount.ShouldBe(0);
    }

    [Fact]
    public void Deletion_waits_for_commits_in_flight_and_later_commands_wait_for_the_deletion()
    {
        _world.Commit(1);
        _world.CommitsAtOnce = false;
        _world.Commit(2, partition: 1);
        var delete = _world.DeleteGroup();
        var commit = _world.Commit(3, partition: 2);
        _world.InFlight.Count.ShouldBe(1);

        _world.CommitNext();
        delete.HasCome.ShouldBeFalse();
        _world.CommitNext();

        delete.Value.ShouldBe(ErrorCode.None);
        commit.HasCome.ShouldBeFalse();
        _world.CommitAll();
        commit.Value.ShouldBe([ErrorCode.None]);
        _world.Fetch(partition: 0).ShouldBeNull();
        _world.Fetch(partition: 1).ShouldBeNull();
        _world.Fetch(partition: 2).ShouldBe(3);
    }

    [Fact]
    public void A_deletion_that_the_log_refuses_leaves_the_group()
    {
        _world.Commit(1);
        _world.CommitsAtOnce = false;
        var delete = _world.DeleteGroup();
        var commit = _world.Commit(2);
        _world.RefuseNext(ErrorCode.NotCoordinator);
        delete.Value.ShouldBe(ErrorCode.NotCoordinator);
        _world.Fetch().ShouldBe(1);
        _world.CommitAll();
        commit.Value.ShouldBe([ErrorCode.None]);
    }

    [Fact]
    public void Offsets_of_a_client_without_membership_expire_by_their_commit()
    {
        _world.Commit(1);
        _world.Advance(DayMs);
        _world.Commit(2, partition: 1);

        _world.Advance((6 * DayMs) + 600_000);
        _world.Fetch().ShouldBeNull();
        _world.Fetch(partition: 1).ShouldBe(2);

        _world.Advance(DayMs);
        _world.Core.GroupCount.ShouldBe(0);
        _world.Restart();
        _world.Core.GroupCount.ShouldBe(0);
    }

    [Fact]
    public void Offsets_of_an_empty_group_expire_by_the_time_it_became_empty()
    {
        var (leader, follower) = _world.TwoMembers();
        _world.Stabilize(leader.MemberId, 1);
        _world.Commit(1, memberId: leader.MemberId, generation: 1);
        for (var day = 0; day < 8; day++)
        {
            _world.KeepAlive(leader.MemberId, 1, 10_000);
            _world.Restart();
        }
        _world.Leave(leader.MemberId);
        _world.Leave(follower.MemberId);

        _world.Advance(6 * DayMs);
        _world.Fetch().ShouldBe(1);
        _world.Advance(DayMs + 600_000);
        _world.Core.GroupCount.ShouldBe(0);
    }

    [Fact]
    public void In_a_stable_group_offsets_expire_of_topics_it_is_not_subscribed_to()
    {
        var world = new GroupWorld(new BrokerConfig { OffsetsRetentionMs = 60_000, OffsetsRetentionCheckIntervalMs = 10_000 });
        var join = world.Join(sessionMs: 1_800_000);
        world.Advance(3_000);
        var id = join.Value.MemberId;
        world.Stabilize(id, 1);
        world.Commit(1, memberId: id, generation: 1);
        world.Commit(2, topic: "old", memberId: id, generation: 1);

        world.Advance(80_000);

        world.Fetch().ShouldBe(1);
        world.Fetch("old").ShouldBeNull();
        world.StateOf().ShouldBe("Stable");
    }

    [Fact]
    public void Offsets_whose_subscription_cannot_be_read_do_not_expire_while_there_are_members()
    {
        var world = new GroupWorld(new BrokerConfig { OffsetsRetentionMs = 60_000, OffsetsRetentionCheckIntervalMs = 10_000 });
        var join = world.Join(sessionMs: 1_800_000, protocols: [("range", [0, 0, 0x7f])]);
        world.Advance(3_000);
        world.Stabilize(join.Value.MemberId, 1);
        world.Commit(1, memberId: join.Value.MemberId, generation: 1);
        world.Advance(600_000);
        world.Fetch().ShouldBe(1);
        world.DeleteOffsets().Value.Partitions.ShouldBe([ErrorCode.GroupSubscribedToTopic]);
    }

    [Fact]
    public void A_retention_that_the_client_asks_for_counts()
    {
        _world.Commit(1, retentionMs: 1_000);
        _world.Advance(600_000);
        _world.Fetch().ShouldBeNull();
    }

    [Fact]
    public void An_offset_being_committed_is_not_expired_in_the_place_of_the_old_one()
    {
        _world.Commit(1, retentionMs: 1_000);
        _world.Advance(599_999);
        _world.CommitsAtOnce = false;
        _world.Commit(2);
        _world.Advance(1);
        _world.CommitAll();
        _world.Fetch().ShouldBe(2);
    }

    [Fact]
    public void A_deleted_topic_takes_its_offsets_along()
    {
        _world.Commit(1, topic: "gone");
        _world.Commit(2, topic: "kept");
        _world.Commit(3, topic: "gone", group: "other");
        _world.Run(step => _world.Core.ForgetTopic(new TopicName("gone"), new TopicId(Guid.NewGuid()), step));
        _world.Fetch("gone").ShouldBeNull();
        _world.Fetch("kept").ShouldBe(2);
        _world.Fetch("gone", group: "other").ShouldBeNull();
    }

    [Fact]
    public void News_of_a_deletion_that_come_late_leave_the_offsets_of_the_topics_successor()
    {
        var (old, successor) = (new TopicId(Guid.NewGuid()), new TopicId(Guid.NewGuid()));
        _world.Commit(1, partition: 0, topicId: old);
        _world.Commit(2, partition: 1, topicId: successor);
        _world.Run(step => _world.Core.ForgetTopic(new TopicName("topic"), old, step));
        _world.Fetch(partition: 0).ShouldBeNull();
        _world.Fetch(partition: 1).ShouldBe(2);
    }

    [Fact]
    public void A_stable_read_that_the_coordinator_cannot_see_through_is_sent_elsewhere()
    {
        _world.CommitsAtOnce = false;
        _world.Commit(1);
        var fetch = _world.StartFetch(requireStable: true, "g", GroupWorld.Partition("topic", 0));
        fetch.HasCome.ShouldBeFalse();
        _world.Run(step => _world.Core.Unload(ErrorCode.NotCoordinator, step));
        fetch.Value.Error.ShouldBe(ErrorCode.NotCoordinator);
    }

    [Fact]
    public void A_stable_read_after_a_commit_that_the_log_refused_tells_what_was_committed_before()
    {
        _world.Commit(1);
        _world.CommitsAtOnce = false;
        _world.Commit(2);
        var fetch = _world.StartFetch(requireStable: true, "g", GroupWorld.Partition("topic", 0));
        _world.RefuseNext(ErrorCode.CoordinatorNotAvailable);
        fetch.Value.Error.ShouldBe(ErrorCode.None);
        fetch.Value.Offsets[0].Value!.Offset.ShouldBe(new Offset(1));
    }

    [Fact]
    public void The_largest_intervals_mean_never()
    {
        var world = new GroupWorld(new BrokerConfig { OffsetsRetentionCheckIntervalMs = long.MaxValue });
        world.Advance(1);
        world.Restart();
        world.Core.NextDeadlineMs.ShouldBe(long.MaxValue);

        _world.Commit(1, retentionMs: long.MaxValue);
        _world.Advance(600_000);
        _world.Fetch().ShouldBe(1);
    }
}
