using Loire.Broker.Partitions;
using Loire.Broker.Replication;
using Loire.Cluster.Replication;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Replication;

public sealed class ReplicaFetchMessagesTests
{
    private static readonly TopicIdPartition Orders = Partition("orders");
    private static readonly TopicIdPartition Payments = Partition("payments");

    private readonly ReplicaFetchMessages _messages = new(new NodeId(2));

    [Fact]
    public void Partitions_are_known_while_they_are_in_the_session_and_no_longer()
    {
        Ask(epoch: 0, asked: [Orders, Payments]);
        Answered().ShouldBe([Orders, Payments]);
        Ask(epoch: 1, forgotten: Orders);
        Answered().ShouldBe([Payments]);
        Ask(epoch: 2, asked: [Orders]);
        Answered().ShouldBe([Orders, Payments]);
        Ask(epoch: 0, asked: [Orders]);
        Answered().ShouldBe([Orders]);
    }

    private static TopicIdPartition Partition(string name) =>
        new(new TopicId(Guid.NewGuid()), new TopicName(name), new PartitionIndex(0));

    private void Ask(int epoch, TopicIdPartition[]? asked = null, params TopicIdPartition[] forgotten) => _messages.ToRequest(
        new ReplicaFetchRequest(
            SessionId: epoch == 0 ? 0 : 7,
            epoch,
            [.. (asked ?? []).Select(partition => KeyValuePair.Create(partition, default(FetchPosition)))],
            forgotten,
            Waits: false),
        generation: 1,
        new());

    /// <summary>Those that an answer about all of them is taken to be of.</summary>
    private IEnumerable<TopicIdPartition> Answered() => _messages
        .ToAnswer(new FetchResponse
        {
            Responses =
            [
                .. new[] { Orders, Payments }.Select(partition => new FetchResponse.FetchableTopicResponse
                {
                    TopicId = partition.TopicId, Partitions = [new() { PartitionIndex = partition.Partition }],
                }),
            ],
        })
        .Partitions.Select(fetched => fetched.Partition);
}
