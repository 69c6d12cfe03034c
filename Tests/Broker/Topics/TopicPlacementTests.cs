using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Topics;

public sealed class TopicPlacementTests
{
    private static readonly ImmutableArray<PlacementBroker> One = [new(new NodeId(7))];
    private static readonly ImmutableArray<PlacementBroker> Three =
        [.. new[] { 1, 2, 3 }.Select(id => new PlacementBroker(new NodeId(id)))];

    [Fact]
    public void Counts_that_are_left_open_come_from_the_broker()
    {
        var config = new BrokerConfig { NumPartitions = 4, DefaultReplicationFactor = 2 };
        var placed = TopicPlacement.Place(Topic(-1, -1), config, Three);
        placed.Length.ShouldBe(4);
        placed.ShouldAllBe(replicas => replicas.Distinct().Count() == 2);
        placed.Take(3).Select(replicas => replicas[0]).ShouldBeUnique();
    }

    [Theory]
    [InlineData(0, 1, ErrorCode.InvalidPartitions)]
    [InlineData(-2, 1, ErrorCode.InvalidPartitions)]
    [InlineData(int.MinValue, -1, ErrorCode.InvalidPartitions)]
    [InlineData(10_001, 1, ErrorCode.PolicyViolation)]
    [InlineData(int.MaxValue, 1, ErrorCode.PolicyViolation)]
    [InlineData(1, 0, ErrorCode.InvalidReplicationFactor)]
    [InlineData(1, -2, ErrorCode.InvalidReplicationFactor)]
    [InlineData(1, 2, ErrorCode.InvalidReplicationFactor)]
    [InlineData(1, short.MaxValue, ErrorCode.InvalidReplicationFactor)]
    public void Counts_out_of_range_are_refused(int partitions, short replicas, ErrorCode error) =>
        Should.Throw<KafkaException>(() => TopicPlacement.Place(Topic(partitions, replicas), BrokerConfig.Default, One))
            .Code.ShouldBe(error);

    [Fact]
    public void Too_many_replicas_are_explained() =>
        Should.Throw<KafkaException>(() => TopicPlacement.Place(Topic(1, 3), BrokerConfig.Default, One))
            .Message.ShouldContain("Replication factor 3 is more than the 1 broker(s)");

    [Fact]
    public void An_assignment_is_taken_as_it_is()
    {
        var placed = TopicPlacement.Place(Topic(-1, -1, [[3, 1], [1, 2]]), BrokerConfig.Default, Three);
        placed.Select(replicas => string.Join(',', replicas)).ShouldBe(["3,1", "1,2"]);
    }

    [Theory]
    [InlineData("1,1", "a broker twice")]
    [InlineData("9", "broker 9")]
    [InlineData("", "empty replica list")]
    [InlineData("1,2|3", "1 replica(s) for a partition where 2")]
    public void An_assignment_that_cannot_be_is_refused(string text, string fault)
    {
        int[][] assignment = [.. text.Split('|').Select(part =>
            part.Split(',', StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, System.Globalization.CultureInfo.InvariantCulture)).ToArray())];
        var refusal = Should.Throw<KafkaException>(() => TopicPlacement.Place(Topic(-1, -1, assignment), BrokerConfig.Default, Three));
        refusal.Code.ShouldBe(ErrorCode.InvalidReplicaAssignment);
        refusal.Message.ShouldContain(fault);
    }

    [Fact]
    public void An_assignment_beside_a_count_is_refused() =>
        Should.Throw<KafkaException>(() => TopicPlacement.Place(Topic(2, -1, [[1], [1]]), BrokerConfig.Default, Three))
            .Code.ShouldBe(ErrorCode.InvalidRequest);

    private static NewTopic Topic(int partitions, short replicas, int[][]? assignments = null) => new(
        new TopicName("orders"),
        partitions,
        replicas,
        assignments is null
            ? null
            : [.. assignments.Select(assignment => assignment.Select(id => new NodeId(id)).ToImmutableArray())],
        ImmutableSortedDictionary<string, string>.Empty);
}
