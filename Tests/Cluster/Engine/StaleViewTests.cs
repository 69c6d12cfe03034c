using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A broker to which no news comes any more, and whose clock stands still, so that it asks for none by
/// itself.</summary>
public sealed class StaleViewTests
{
    private static readonly PartitionIndex First = new(0);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(FetchAsync))]
    [InlineData(nameof(ListOffsetsAsync))]
    [InlineData(nameof(OffsetForLeaderEpochAsync))]
    public async Task A_leader_that_missed_its_successors_election_hears_of_it_from_a_client(string request)
    {
        await using var cluster = await StartAsync(brokers: 2);
        var topic = await cluster.CreateTopicAsync("orders", 1, 2);
        await cluster.MoveLeadAsync(topic, cluster[1]);
        await cluster[1].ToldAsync();
        cluster.Controllers.SetLive(cluster[1].Node, new Deaf());
        await cluster.MoveLeadAsync(topic, cluster[2]);

        await using var client = cluster.Client();
        var epoch = cluster.State(topic).LeaderEpoch;
        Func<Task<ErrorCode>> ask = request switch
        {
            nameof(FetchAsync) => () => FetchAsync(client, topic, epoch),
            nameof(ListOffsetsAsync) => () => ListOffsetsAsync(client, topic, epoch),
            _ => () => OffsetForLeaderEpochAsync(client, topic, epoch),
        };
        (await ask()).ShouldBe(ErrorCode.UnknownLeaderEpoch);
        await Eventually.IsTrueAsync(
            () => cluster[1].Broker!.Partitions.Find(topic, First).Leader == cluster[2].Node, "it knows who leads");
    }

    [Fact]
    public async Task A_follower_that_missed_an_election_hears_of_it_from_its_former_leader()
    {
        await using var cluster = await StartAsync(brokers: 3);
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await cluster.MoveLeadAsync(topic, cluster[2]);
        await cluster[1].ToldAsync();
        cluster.Controllers.SetLive(cluster[1].Node, new Deaf());
        await cluster.MoveLeadAsync(topic, cluster[3]);
        // Where it had heard of the election before sooner than that leader, it has asked both leader and controller already, and
        // asks them again after a pause. That has to pass, but not the time after which it would ask by itself.
        var leftMs = 20_000;
        await Eventually.IsTrueAsync(
            () =>
            {
                if ((leftMs -= 5) > 0) ((FakeTime)cluster[1].Time).AdvanceMs(5);
                return cluster[1].Broker!.Partitions.Find(topic, First).Leader == cluster[3].Node;
            },
            "it knows who leads");
    }

    private static async Task<TestCluster> StartAsync(int brokers)
    {
        var cluster = await TestCluster.StartAsync(brokers);
        await cluster[1].KillAsync();
        cluster[1].Time = new FakeTime();
        await cluster[1].StartAsync(Token);
        return cluster;
    }

    private static async Task<ErrorCode> FetchAsync(KafkaClient client, TopicName topic, LeaderEpoch epoch)
    {
        var description = await client.GetTopicAsync(topic, Token);
        var request = new FetchRequest
        {
            MaxBytes = 1_000,
            SessionEpoch = -1,
            Topics =
            [
                new()
                {
                    Topic = topic,
                    TopicId = description.TopicId,
                    Partitions = [new() { Partition = First, PartitionMaxBytes = 1_000, CurrentLeaderEpoch = epoch }],
                },
            ],
        };
        var response = await client.SendToBrokerAsync<FetchRequest, FetchResponse>(new NodeId(1), request, Token);
        return response.Responses.Single().Partitions.Single().ErrorCode;
    }

    private static async Task<ErrorCode> ListOffsetsAsync(KafkaClient client, TopicName topic, LeaderEpoch epoch)
    {
        var request = new ListOffsetsRequest
        {
            Topics =
            [
                new() { Name = topic, Partitions = [new() { PartitionIndex = First, Timestamp = -1, CurrentLeaderEpoch = epoch }] },
            ],
        };
        var response = await client.SendToBrokerAsync<ListOffsetsRequest, ListOffsetsResponse>(new NodeId(1), request, Token);
        return response.Topics.Single().Partitions.Single().ErrorCode;
    }

    private static async Task<ErrorCode> OffsetForLeaderEpochAsync(KafkaClient client, TopicName topic, LeaderEpoch epoch)
    {
        var request = new OffsetForLeaderEpochRequest
        {
            Topics =
            [
                new()
                {
                    Topic = topic,
                    Partitions = [new() { Partition = First, CurrentLeaderEpoch = epoch, LeaderEpoch = epoch }],
                },
            ],
        };
        var response = await client.SendToBrokerAsync<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>(
            new NodeId(1), request, Token);
        return response.Topics.Single().Partitions.Single().ErrorCode;
    }
}
