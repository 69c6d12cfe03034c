using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

/// <summary>Members of a group against a real broker.</summary>
public sealed class GroupMemberTests : IAsyncLifetime
{
    private static readonly TopicName Topic = new("orders");
    private static readonly GroupId Group = new("readers");
    private static readonly GroupMemberOptions Quick = new() { HeartbeatInterval = TimeSpan.FromMilliseconds(50) };

    private EmbeddedBroker _broker = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _broker = await EmbeddedBroker.StartAsync(cancellationToken: Cancelled);
        await using var client = Connect();
        var creation = new CreateTopicsRequest { Topics = [new() { Name = Topic, NumPartitions = 5, ReplicationFactor = 1 }] };
        await client.SendToControllerAsync<CreateTopicsRequest, CreateTopicsResponse>(creation, Cancelled);
    }

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Members_share_the_partitions_and_take_over_those_of_one_that_leaves()
    {
        await using var firstClient = Connect();
        await using var first = new GroupMember(firstClient, Group, [Topic], Quick);
        (await first.JoinAsync(Cancelled)).Count.ShouldBe(5);

        await using var secondClient = Connect();
        await using (var second = new GroupMember(secondClient, Group, [Topic], Quick))
        {
            var joining = second.JoinAsync(Cancelled);
            await Eventually.IsTrueAsync(() => first.Rebalance.IsCancellationRequested);
            (await first.CommitAsync(At(3), Cancelled)).ShouldBeTrue();
            var shares = await Task.WhenAll(first.JoinAsync(Cancelled), joining);
            shares.Select(share => share.Count).Order().ShouldBe([2, 3]);
            shares.SelectMany(share => share).Select(partition => partition.Partition.Value).Order().ShouldBe([0, 1, 2, 3, 4]);
            (await firstClient.FetchCommittedAsync(Group, Cancelled)).ShouldBe(At(3));
        }

        await Eventually.IsTrueAsync(() => first.Rebalance.IsCancellationRequested);
        (await first.JoinAsync(Cancelled)).Count.ShouldBe(5);
    }

    [Fact]
    public async Task A_member_of_an_old_generation_cannot_commit_and_is_told_to_join_again()
    {
        await using var client = Connect();
        await using var member = new GroupMember(client, Group, [Topic], new GroupMemberOptions());
        await member.JoinAsync(Cancelled);
        (await member.CommitAsync(At(1), Cancelled)).ShouldBeTrue();
        var coordinator = await client.GetCoordinatorConnectionAsync(Group, Cancelled);
        var members = await coordinator.SendAsync<DescribeGroupsRequest, DescribeGroupsResponse>(
            new DescribeGroupsRequest { Groups = [Group] }, Cancelled);
        var expelled = members.Groups.Single().Members.Single().MemberId;
        await coordinator.SendAsync<LeaveGroupRequest, LeaveGroupResponse>(
            new LeaveGroupRequest { GroupId = Group, Members = [new() { MemberId = expelled }] }, Cancelled);

        (await member.CommitAsync(At(2), Cancelled)).ShouldBeFalse();
        member.Rebalance.IsCancellationRequested.ShouldBeTrue();
        (await client.FetchCommittedAsync(Group, Cancelled)).ShouldBe(At(1));
        (await member.JoinAsync(Cancelled)).Count.ShouldBe(5);
        (await member.CommitAsync(At(2), Cancelled)).ShouldBeTrue();
    }

    private static Dictionary<TopicPartition, Offset> At(long offset) =>
        new() { [new TopicPartition(Topic, new PartitionIndex(0))] = new Offset(offset) };

    private KafkaClient Connect() => new(new KafkaClientOptions { BootstrapServers = _broker.BootstrapServers });
}
