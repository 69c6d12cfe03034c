using System.Text;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Tests.Cluster.Hosted;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>Groups through the grains of three brokers.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ConsumerGroupGrainTests : IAsyncLifetime
{
    private LoireTestCluster _cluster = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await LoireTestCluster.StartAsync();
        await _cluster.CreateTopicAsync("orders", Cancelled, partitions: 2);
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_member_joins_is_assigned_commits_and_leaves()
    {
        var (group, member) = await JoinAsync("readers");
        member.Members.ShouldHaveSingleItem().MemberId.ShouldBe(member.MemberId);
        member.LeaderId.ShouldBe(member.MemberId);
        var assignment = "everything"u8.ToArray();
        var place = new GroupMembership(member.MemberId, null, member.Generation);
        var synced = await group.SyncAsync(new GroupSync(
            place, [new GroupMemberAssignment(member.MemberId, assignment)]));
        synced.Error.ShouldBe((short)ErrorCode.None);
        Encoding.UTF8.GetString(synced.Assignment.Span).ShouldBe("everything");
        (await group.HeartbeatAsync(place)).ShouldBe((short)ErrorCode.None);
        (await group.HeartbeatAsync(place with { MemberId = "stranger" })).ShouldBe((short)ErrorCode.UnknownMemberId);

        var errors = await group.CommitAsync(
            place,
            [
                new GroupOffset("orders", 0, 5, -1, "here"),
                new GroupOffset("nothing", 0, 5, -1, ""),
                new GroupOffset("orders", 1, 7, -1, ""),
            ]);
        errors.ShouldBe([(short)ErrorCode.None, (short)ErrorCode.UnknownTopicOrPartition, (short)ErrorCode.None]);
        var id = _cluster.Find("orders")!.Id.Value;
        (await group.GetOffsetsAsync([new("orders", 0), new("orders", 1), new("orders", 9)])).ShouldBe(
        [
            new GroupOffset("orders", 0, 5, -1, "here", id),
            new GroupOffset("orders", 1, 7, -1, "", id),
            new GroupOffset("orders", 9, -1, -1, ""),
        ]);

        var described = (await group.DescribeAsync()).ShouldNotBeNull();
        described.State.ShouldBe("Stable");
        described.MemberIds.ShouldBe([member.MemberId]);
        (await group.LeaveAsync(member.MemberId)).ShouldBe((short)ErrorCode.None);
        (await group.DescribeAsync()).ShouldNotBeNull().State.ShouldBe("Empty");
        (await _cluster.Orleans.GetGrain<IConsumerGroupGrain>("unheard-of").DescribeAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task When_the_coordinator_is_killed_another_knows_what_was_committed()
    {
        var group = _cluster.Orleans.GetGrain<IConsumerGroupGrain>("readers");
        await CommitAsync(group, 5);
        var offsets = (await _cluster.Orleans.GetGrain<ITopicGrain>("__consumer_offsets").DescribeAsync())!;
        var partition = GroupPartitioner.PartitionOf(new GroupId("readers"), offsets.Partitions.Length);
        await _cluster.KillAsync(_cluster[offsets.Partitions[partition.Value].Leader]);

        var kept = await GrainCalls.AnswerAsync(() => group.GetOffsetsAsync([new("orders", 0)]), _ => true, "offsets from another broker");
        kept.ShouldHaveSingleItem().Offset.ShouldBe(5);
        await CommitAsync(group, 6);
    }

    [Fact]
    public async Task Offsets_are_of_a_topic_and_not_of_the_next_one_of_its_name()
    {
        var group = _cluster.Orleans.GetGrain<IConsumerGroupGrain>("readers");
        await CommitAsync(group, 5);
        var old = _cluster.Find("orders")!.Id.Value;
        await _cluster.Client.Admin.DeleteTopicAsync("orders", Cancelled);
        await _cluster.CreateTopicAsync("orders", Cancelled, partitions: 2);
        var id = _cluster.Find("orders")!.Id.Value;
        id.ShouldNotBe(old);

        var late = new GroupOffset("orders", 0, 6, -1, "", old);
        (await group.CommitAsync(GroupMembership.None, [late, new GroupOffset("orders", 1, 1, -1, "", id)]))
            .ShouldBe([(short)ErrorCode.UnknownTopicId, (short)ErrorCode.None]);
        (await group.GetOffsetsAsync([new("orders", 0), new("orders", 1)])).Select(offset => offset.Offset).ShouldBe([-1, 1]);
    }

    private async Task<(IConsumerGroupGrain Group, GroupJoined Member)> JoinAsync(string id)
    {
        var group = _cluster.Orleans.GetGrain<IConsumerGroupGrain>(id);
        var join = new GroupJoin("", null, "test", 120_000, 120_000, [new GroupProtocol("range", "subscription"u8.ToArray())]);
        var asked = await UntilTakenAsync(() => group.JoinAsync(join), joined => joined.Error, ErrorCode.MemberIdRequired);
        var joined = await UntilTakenAsync(
            () => group.JoinAsync(join with { MemberId = asked.MemberId }), joined => joined.Error, ErrorCode.None);
        joined.Protocol.ShouldBe("range");
        return (group, joined);
    }

    private static async Task CommitAsync(IConsumerGroupGrain group, long offset) => await UntilTakenAsync(
        () => group.CommitAsync(GroupMembership.None, [new GroupOffset("orders", 0, offset, -1, "")]), errors => errors[0], ErrorCode.None);

    /// <summary>While the coordinator is being made, or moves, clients ask again.</summary>
    private static async Task<T> UntilTakenAsync<T>(Func<Task<T>> ask, Func<T, short> errorOf, ErrorCode expected)
    {
        var answer = await GrainCalls.AnswerAsync(ask, answer => !IsOnTheMove((ErrorCode)errorOf(answer)), "a coordinator answers");
        ((ErrorCode)errorOf(answer)).ShouldBe(expected);
        return answer;
    }

    private static bool IsOnTheMove(ErrorCode error) => error is ErrorCode.NotCoordinator
        or ErrorCode.CoordinatorNotAvailable or ErrorCode.CoordinatorLoadInProgress or ErrorCode.RequestTimedOut;
}
