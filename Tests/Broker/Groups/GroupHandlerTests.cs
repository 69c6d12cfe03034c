using System.Buffers;
using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class GroupHandlerTests
{
    private static readonly GroupId Group = new("test-group");

    [Theory]
    [InlineData("test-group", 12)]
    [InlineData("console-consumer-12345", 6)]
    [InlineData("", 0)]
    [InlineData("polygenelubricants", 0)]
    public void A_group_belongs_to_the_partition_that_java_hashes_it_to(string group, int partition) =>
        GroupPartitioner.PartitionOf(new GroupId(group), 50).ShouldBe(new PartitionIndex(partition));

    [Fact]
    public async Task Before_there_is_a_coordinator_requests_are_sent_to_find_it()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        (await CommitAsync(broker, 9, Offset("topic", 0, 1))).ShouldBe([ErrorCode.NotCoordinator]);
        (await FetchAsync(broker, 7)).ErrorCode.ShouldBe(ErrorCode.NotCoordinator);
        (await DescribeAsync(broker, 6)).ErrorCode.ShouldBe(ErrorCode.NotCoordinator);
    }

    [Fact]
    public async Task A_member_joins_syncs_beats_commits_and_leaves()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        await broker.FindCoordinatorAsync("test-group");
        var join = new JoinGroupHandler(broker.Coordinators);
        var request = new JoinGroupRequest
        {
            GroupId = Group,
            SessionTimeoutMs = 10_000,
            RebalanceTimeoutMs = 60_000,
            ProtocolType = "consumer",
            Protocols = [Protocol("range"), Protocol("range"), Protocol("sticky")],
        };
        var asked = await join.HandleAsync(broker.Context(9), request);
        asked.ErrorCode.ShouldBe(ErrorCode.MemberIdRequired);
        asked.MemberId.ShouldStartWith("client-");

        request.MemberId = asked.MemberId;
        var joining = join.HandleAsync(broker.Context(9), request).AsTask();
        broker.Time.Advance(3_000);
        var joined = await joining;
        joined.ErrorCode.ShouldBe(ErrorCode.None);
        joined.ProtocolName.ShouldBe("range");
        joined.Members.ShouldHaveSingleItem().Metadata.ToArray().ShouldBe(GroupWorld.Subscription("topic"));

        var synced = await new SyncGroupHandler(broker.Coordinators).HandleAsync(broker.Context(5), new SyncGroupRequest
        {
            GroupId = Group,
            GenerationId = joined.GenerationId,
            MemberId = joined.MemberId,
            ProtocolType = "consumer",
            ProtocolName = "range",
            Assignments =
            [
                new SyncGroupRequest.SyncGroupRequestAssignment
                {
                    MemberId = joined.MemberId,
                    Assignment = new ReadOnlySequence<byte>([1, 2, 3]),
                },
            ],
        });
        synced.Assignment.ToArray().ShouldBe([1, 2, 3]);
        (await HeartbeatAsync(broker, joined.MemberId, 1)).ShouldBe(ErrorCode.None);

        var described = await DescribeAsync(broker, 6);
        described.GroupState.ShouldBe("Stable");
        described.ProtocolData.ShouldBe("range");
        var member = described.Members.ShouldHaveSingleItem();
        member.ClientHost.ShouldBe("/127.0.0.1");
        member.MemberAssignment.ToArray().ShouldBe([1, 2, 3]);

        (await CommitAsync(broker, 9, Offset("topic", 0, 5))).ShouldBe([ErrorCode.UnknownMemberId]);
        (await LeaveAsync(broker, 2, joined.MemberId)).ErrorCode.ShouldBe(ErrorCode.None);
        (await LeaveAsync(broker, 2, joined.MemberId)).ErrorCode.ShouldBe(ErrorCode.UnknownMemberId);
        (await LeaveAsync(broker, 5, joined.MemberId)).Members.ShouldHaveSingleItem().ErrorCode
            .ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public async Task A_join_of_version_0_is_answered_without_nulls()
    {
        await using var broker = await GroupBroker.StartAsync();
        await broker.FindCoordinatorAsync("test-group");
        var response = await new JoinGroupHandler(broker.Coordinators).HandleAsync(
            broker.Context(0), new JoinGroupRequest { GroupId = Group, SessionTimeoutMs = 1 });
        response.ErrorCode.ShouldBe(ErrorCode.InvalidSessionTimeout);
        response.ProtocolName.ShouldBe("");
    }

    [Fact]
    public async Task From_version_5_on_a_sync_must_name_its_protocol()
    {
        await using var broker = await GroupBroker.StartAsync();
        await broker.FindCoordinatorAsync("test-group");
        var handler = new SyncGroupHandler(broker.Coordinators);
        (await handler.HandleAsync(broker.Context(5), new SyncGroupRequest { GroupId = Group })).ErrorCode
            .ShouldBe(ErrorCode.InconsistentGroupProtocol);
        (await handler.HandleAsync(broker.Context(4), new SyncGroupRequest { GroupId = Group })).ErrorCode
            .ShouldBe(ErrorCode.UnknownMemberId);
    }

    [Fact]
    public async Task Offsets_are_read_back_in_every_version_and_after_a_restart()
    {
        await using var broker = await GroupBroker.StartAsync("topic", "other");
        await broker.FindCoordinatorAsync("test-group");
        (await CommitAsync(broker, 8, Offset("topic", 0, 5), Offset("topic", 9, 6), Offset("none", 0, 7), Offset("other", 1, 8)))
            .ShouldBe([ErrorCode.None, ErrorCode.UnknownTopicOrPartition, ErrorCode.UnknownTopicOrPartition, ErrorCode.None]);
        await broker.RestartCoordinatorsAsync();

        for (short version = 1; version <= 7; version++)
        {
            var old = await FetchAsync(broker, version, ("topic", 0), ("topic", 1));
            old.Topics.SelectMany(topic => topic.Partitions).Select(p => p.CommittedOffset.Value).ShouldBe([5L, -1L]);
        }
        (await FetchAsync(broker, 2)).Topics.Select(topic => topic.Name.Value).ShouldBe(["topic", "other"], ignoreOrder: true);

        var several = await new OffsetFetchHandler(broker.Coordinators, broker.Catalog).HandleAsync(
            broker.Context(9), new OffsetFetchRequest
            {
                Groups =
                [
                    GroupRequest(Group, "topic"),
                    GroupRequest(new GroupId("none"), "topic"),
                    new() { GroupId = Group, Topics = null },
                ],
            });
        several.Groups.Select(group => group.Topics.Count).ShouldBe([1, 1, 2]);
        several.Groups[0].Topics[0].Partitions[0].CommittedOffset.ShouldBe(new Offset(5));
        several.Groups[1].Topics[0].Partitions[0].CommittedOffset.ShouldBe(Loire.Protocol.Offset.None);
    }

    [Fact]
    public async Task What_is_asked_twice_is_answered_once()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        await broker.FindCoordinatorAsync("test-group");
        await CommitAsync(broker, 8, Offset("topic", 0, 5));
        var handler = new OffsetFetchHandler(broker.Coordinators, broker.Catalog);
        var twice = GroupRequest(Group, "topic");
        twice.Topics![0].PartitionIndexes = [new(0), new(0)];
        OffsetFetchRequest.OffsetFetchRequestGroup All() => new() { GroupId = Group, Topics = null };
        var fetched = await handler.HandleAsync(
            broker.Context(9), new OffsetFetchRequest { Groups = [twice, GroupRequest(Group, "topic"), All(), All()] });
        fetched.Groups.Select(group => group.Topics.Sum(topic => topic.Partitions.Count)).ShouldBe([1, 0, 1]);
        (await FetchAsync(broker, 7, ("topic", 0), ("topic", 0))).Topics.Sum(topic => topic.Partitions.Count).ShouldBe(1);

        var described = await new DescribeGroupsHandler(broker.Coordinators).HandleAsync(
            broker.Context(6), new DescribeGroupsRequest { Groups = [Group, Group] });
        described.Groups.ShouldHaveSingleItem().GroupId.ShouldBe(Group);
    }

    [Fact]
    public async Task Topics_may_be_named_by_id()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        await broker.FindCoordinatorAsync("test-group");
        var id = broker.Catalog.Current.Find(new TopicName("topic"))!.Id;
        var unknown = new TopicId(Guid.NewGuid());
        var commit = new OffsetCommitRequest { GroupId = Group, Topics = [ById(id), ById(unknown)] };
        var committed = await new OffsetCommitHandler(broker.Coordinators, broker.Catalog).HandleAsync(broker.Context(10), commit);
        committed.Topics.Select(topic => topic.Partitions[0].ErrorCode).ShouldBe([ErrorCode.None, ErrorCode.UnknownTopicId]);
        await broker.RestartCoordinatorsAsync();

        var fetched = await new OffsetFetchHandler(broker.Coordinators, broker.Catalog).HandleAsync(
            broker.Context(10), new OffsetFetchRequest
            {
                Groups =
                [
                    new()
                    {
                        GroupId = Group,
                        Topics =
                        [
                            new() { TopicId = id, PartitionIndexes = [new(0)] },
                            new() { TopicId = unknown, PartitionIndexes = [new(0)] },
                        ],
                    },
                    new() { GroupId = Group, Topics = null },
                ],
            });
        fetched.Groups[0].Topics[0].Partitions[0].CommittedOffset.ShouldBe(new Offset(3));
        fetched.Groups[0].Topics[1].Partitions[0].ErrorCode.ShouldBe(ErrorCode.UnknownTopicId);
        fetched.Groups[1].Topics.ShouldHaveSingleItem().TopicId.ShouldBe(id);
    }

    [Fact]
    public async Task A_deleted_topic_takes_its_offsets_along()
    {
        await using var broker = await GroupBroker.StartAsync("topic", "other");
        await broker.FindCoordinatorAsync("test-group");
        await CommitAsync(broker, 9, Offset("topic", 0, 5), Offset("other", 0, 6));
        await broker.Catalog.DeleteTopicAsync(
            broker.Catalog.Current.Find(new TopicName("topic"))!.Id, TestContext.Current.CancellationToken);

        // The next commit is written behind the tombstones.
        await CommitAsync(broker, 9, Offset("other", 0, 7));

        (await FetchAsync(broker, 7)).Topics.ShouldHaveSingleItem().Name.ShouldBe(new TopicName("other"));
    }

    [Fact]
    public async Task A_topic_created_anew_does_not_inherit_offsets_that_outlived_its_predecessor()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        await broker.FindCoordinatorAsync("test-group");
        await CommitAsync(broker, 9, Offset("topic", 0, 5), Offset("topic", 1, 6));
        await broker.Coordinators.DisposeAsync();
        await broker.Catalog.DeleteTopicAsync(
            broker.Catalog.Current.Find(new TopicName("topic"))!.Id, TestContext.Current.CancellationToken);
        await broker.CreateTopicAsync("topic");
        await broker.RestartCoordinatorsAsync();

        (await FetchAsync(broker, 7, ("topic", 0))).Topics[0].Partitions[0].CommittedOffset.ShouldBe(Loire.Protocol.Offset.None);
        (await FetchAsync(broker, 7)).Topics.ShouldBeEmpty();

        (await CommitAsync(broker, 9, Offset("topic", 0, 7))).ShouldBe([ErrorCode.None]);
        (await FetchAsync(broker, 7)).Topics.ShouldHaveSingleItem().Partitions.ShouldHaveSingleItem()
            .CommittedOffset.ShouldBe(new Offset(7));
    }

    [Fact]
    public async Task Groups_are_listed_by_state_and_type()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        (await ListAsync(broker)).ShouldBeEmpty();
        await broker.FindCoordinatorAsync("test-group");
        await CommitAsync(broker, 9, Offset("topic", 0, 5));

        (await ListAsync(broker)).ShouldBe(["test-group"]);
        (await ListAsync(broker, states: ["empty"])).ShouldBe(["test-group"]);
        (await ListAsync(broker, states: ["Stable", "PreparingRebalance"])).ShouldBeEmpty();
        (await ListAsync(broker, types: ["Classic"])).ShouldBe(["test-group"]);
        (await ListAsync(broker, types: ["consumer"])).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_missing_group_is_dead_and_since_version_6_an_error()
    {
        await using var broker = await GroupBroker.StartAsync();
        await broker.FindCoordinatorAsync("test-group");
        var old = await DescribeAsync(broker, 5);
        (old.ErrorCode, old.GroupState).ShouldBe((ErrorCode.None, "Dead"));
        var now = await DescribeAsync(broker, 6);
        (now.ErrorCode, now.GroupState).ShouldBe((ErrorCode.GroupIdNotFound, "Dead"));
        now.ErrorMessage.ShouldBe("Group test-group not found.");
    }

    [Fact]
    public async Task Groups_and_offsets_are_deleted()
    {
        await using var broker = await GroupBroker.StartAsync("topic");
        await broker.FindCoordinatorAsync("test-group");
        await CommitAsync(broker, 9, Offset("topic", 0, 5), Offset("topic", 1, 6));

        var deleted = await new OffsetDeleteHandler(broker.Coordinators, broker.Catalog).HandleAsync(
            broker.Context(0), new OffsetDeleteRequest
            {
                GroupId = Group,
                Topics =
                [
                    new()
                    {
                        Name = new TopicName("topic"),
                        Partitions = [new() { PartitionIndex = new(0) }, new() { PartitionIndex = new(7) }],
                    },
                ],
            });
        deleted.Topics[0].Partitions.Select(p => p.ErrorCode).ShouldBe([ErrorCode.None, ErrorCode.UnknownTopicOrPartition]);

        var results = await new DeleteGroupsHandler(broker.Coordinators).HandleAsync(
            broker.Context(2), new DeleteGroupsRequest { GroupsNames = [Group, new GroupId("none"), Group] });
        results.Results.Select(result => result.ErrorCode).ShouldBe([ErrorCode.None, ErrorCode.GroupIdNotFound]);
        (await ListAsync(broker)).ShouldBeEmpty();
    }

    private static JoinGroupRequest.JoinGroupRequestProtocol Protocol(string name) =>
        new() { Name = name, Metadata = new ReadOnlySequence<byte>(GroupWorld.Subscription("topic")) };

    private static (string Topic, int Partition, long Offset) Offset(string topic, int partition, long offset) =>
        (topic, partition, offset);

    private static OffsetCommitRequest.OffsetCommitRequestTopic ById(TopicId id) => new()
    {
        TopicId = id,
        Partitions = [new() { PartitionIndex = new(0), CommittedOffset = new Offset(3) }],
    };

    private static OffsetFetchRequest.OffsetFetchRequestGroup GroupRequest(GroupId group, string topic) => new()
    {
        GroupId = group,
        Topics = [new() { Name = new TopicName(topic), PartitionIndexes = [new(0)] }],
    };

    private static async Task<List<ErrorCode>> CommitAsync(
        GroupBroker broker, short version, params (string Topic, int Partition, long Offset)[] offsets)
    {
        var response = await new OffsetCommitHandler(broker.Coordinators, broker.Catalog).HandleAsync(
            broker.Context(version), new OffsetCommitRequest
            {
                GroupId = Group,
                Topics = [.. offsets.Select(offset => new OffsetCommitRequest.OffsetCommitRequestTopic
                {
                    Name = new TopicName(offset.Topic),
                    Partitions = [new() { PartitionIndex = new(offset.Partition), CommittedOffset = new Offset(offset.Offset) }],
                })],
            });
        return [.. response.Topics.SelectMany(topic => topic.Partitions).Select(partition => partition.ErrorCode)];
    }

    private static async Task<OffsetFetchResponse> FetchAsync(
        GroupBroker broker, short version, params (string Topic, int Partition)[] partitions) =>
        await new OffsetFetchHandler(broker.Coordinators, broker.Catalog).HandleAsync(
            broker.Context(version), new OffsetFetchRequest
            {
                GroupId = Group,
                Topics = partitions.Length == 0 ? null : [.. partitions.Select(p => new OffsetFetchRequest.OffsetFetchRequestTopic
                {
                    Name = new TopicName(p.Topic),
                    PartitionIndexes = [new(p.Partition)],
                })],
            });

    private static async Task<DescribeGroupsResponse.DescribedGroup> DescribeAsync(GroupBroker broker, short version) =>
        (await new DescribeGroupsHandler(broker.Coordinators).HandleAsync(
            broker.Context(version), new DescribeGroupsRequest { Groups = [Group] })).Groups.ShouldHaveSingleItem();

    private static async Task<ErrorCode> HeartbeatAsync(GroupBroker broker, string memberId, int generation) =>
        (await new HeartbeatHandler(broker.Coordinators).HandleAsync(
            broker.Context(4),
            new HeartbeatRequest { GroupId = Group, MemberId = memberId, GenerationId = generation })).ErrorCode;

    private static async Task<LeaveGroupResponse> LeaveAsync(GroupBroker broker, short version, string memberId) =>
        await new LeaveGroupHandler(broker.Coordinators).HandleAsync(broker.Context(version), new LeaveGroupRequest
        {
            GroupId = Group,
            MemberId = memberId,
            Members = [new() { MemberId = memberId }],
        });

    private static async Task<List<string>> ListAsync(
        GroupBroker broker, List<string>? states = null, List<string>? types = null) =>
        [.. (await new ListGroupsHandler(broker.Coordinators).HandleAsync(
            broker.Context(5), new ListGroupsRequest { StatesFilter = states ?? [], TypesFilter = types ?? [] }))
            .Groups.Select(group => group.GroupId.Value)];
}
