using System.Text;
using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Groups;
using Loire.Tests.Cluster.Brokers;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Orleans' client is not told of a silo's death: what it waits for there never comes.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ExternalClientTests
{
    private const string Topic = "work";
    private const string Group = "workers";
    private const int PartitionCount = 3;

    private static readonly GroupConsumerOptions Options = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        AutoCommitInterval = TimeSpan.FromMilliseconds(200),
        RebalanceTimeout = TimeSpan.FromMinutes(20),
    };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_goes_on_when_its_coordinator_is_killed()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await using var first = new OrleansMember(cluster.Client, Group, Topic, Options);
        await using var second = new OrleansMember(cluster.Client, Group, Topic, Options);
        await Eventually.IsTrueAsync(() => first.Told.Owned.Count + second.Told.Owned.Count == PartitionCount
            && first.Told.Owned.Count > 0 && second.Told.Owned.Count > 0);
        await ProduceAsync(cluster, "before");
        await Eventually.IsTrueAsync(() => first.Values.Count + second.Values.Count == PartitionCount);
        await UntilCommittedAsync(cluster, 1);
        await cluster.KillAsync(await CoordinatorAsync(cluster));
        await ProduceAsync(cluster, "after");
        await Eventually.IsTrueAsync(() => first.Values.Concat(second.Values).Count(value => value == "after") >= PartitionCount);
        await UntilCommittedAsync(cluster, 2);
        await first.StopAsync();
        await Eventually.IsTrueAsync(() => second.Told.Owned.Count == PartitionCount);
    }

    [Fact]
    public async Task A_member_whose_coordinator_is_killed_while_it_joins_joins_the_next_one()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        var group = cluster.Orleans.GetGrain<IConsumerGroupGrain>(Group);
        var silent = await JoinAsSilentMemberAsync(group);
        await using var member = new OrleansMember(cluster.Client, Group, Topic, Options);
        await Eventually.AnswersAsync(
            () => cluster.Client.Admin.DescribeGroupAsync(Group, Cancelled), known => known?.State == "PreparingRebalance");
        await cluster.KillAsync(await CoordinatorAsync(cluster));
        await GrainCalls.AnswerAsync(() => group.LeaveAsync(silent), error => error == 0, "the silent member leaves");
        await Eventually.IsTrueAsync(() => member.Told.Owned.Count == PartitionCount);
        await ProduceAsync(cluster, "after");
        await Eventually.IsTrueAsync(() => member.Values.Count == PartitionCount);
    }

    [Fact]
    public async Task A_consumer_reads_on_when_the_leader_is_killed()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await ProduceAsync(cluster, "before");
        await using var reader = cluster.Client.CreateConsumer(Topic, StartPosition.Beginning).GetAsyncEnumerator(Cancelled);
        (await ReadAsync(reader, PartitionCount)).ShouldAllBe(value => value == "before");
        var next = ReadAsync(reader, PartitionCount);
        await cluster.KillAsync(cluster.LeaderOf(Topic));
        await ProduceAsync(cluster, "after");
        (await next).ShouldAllBe(value => value == "after");
    }

    /// <summary>A member that is never heard of again, and for whom the others have to wait.</summary>
    /// <returns>Its id.</returns>
    private static async Task<string> JoinAsSilentMemberAsync(IConsumerGroupGrain group)
    {
        var metadata = ConsumerProtocol.WriteSubscription(new Subscription([new TopicName(Topic)]));
        var join = new GroupJoin("", null, "silent", 600_000, 1_200_000, [new GroupProtocol("range", metadata)]);
        var asked = await GrainCalls.AnswerAsync(
            () => group.JoinAsync(join), joined => joined.Error == (short)ErrorCode.MemberIdRequired, "a member id");
        var joined = await GrainCalls.AnswerAsync(
            () => group.JoinAsync(join with { MemberId = asked.MemberId }), joined => joined.Error == 0, "a generation");
        var place = new GroupMembership(joined.MemberId, null, joined.Generation);
        var nothing = ConsumerProtocol.WriteAssignment([]);
        var synced = await group.SyncAsync(new GroupSync(place, [new GroupMemberAssignment(joined.MemberId, nothing)]));
        synced.Error.ShouldBe((short)ErrorCode.None);
        return joined.MemberId;
    }

    private static async Task<TestBroker> CoordinatorAsync(LoireTestCluster cluster)
    {
        await using var client = cluster.CreateKafkaClient();
        var connection = await client.RetryAsync(
            cancelled => client.GetCoordinatorConnectionAsync(new GroupId(Group), cancelled), Cancelled);
        return cluster.Brokers.Single(broker => broker.Bootstrap == connection.Address);
    }

    private static async Task UntilCommittedAsync(LoireTestCluster cluster, long offset)
    {
        await using var client = cluster.CreateKafkaClient();
        await Eventually.AnswersAsync(
            () => client.FetchCommittedAsync(new GroupId(Group), Cancelled),
            committed => committed.Count == PartitionCount && committed.Values.All(known => known.Value == offset),
            $"offset {offset} is committed for each partition");
    }

    private static async Task ProduceAsync(LoireTestCluster cluster, string value)
    {
        await using var producer = cluster.Client.CreateProducer();
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            await producer.ProduceAsync(
                Topic, key: null, Encoding.UTF8.GetBytes(value), partition: partition, cancellationToken: Cancelled);
        }
    }

    private static async Task<List<string>> ReadAsync(IAsyncEnumerator<ConsumeBatch> reader, int count)
    {
        var values = new List<string>();
        while (values.Count < count)
        {
            (await reader.MoveNextAsync().AsTask().WaitAsync(Eventually.Patience, Cancelled)).ShouldBeTrue();
            foreach (var record in reader.Current)
                values.Add(Encoding.UTF8.GetString(record.Value!.Value.Span));
        }
        return values;
    }
}
