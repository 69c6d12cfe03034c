using Loire.Cli.Brokers;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>Who takes the place of broker 2.</summary>
public sealed class ReplacementTests
{
    [Fact]
    public void The_order_of_the_replicas_stays_and_others_are_left_alone()
    {
        var cluster = Cluster([(1, null), (2, null), (3, null), (4, null)], [1, 2, 3], [2, 3, 1], [1, 3, 4]);
        var plan = Replacement.Plan(cluster, new NodeId(2), Up(cluster));
        plan.Moves.Select(move => Ids(move.After)).ShouldBe(["1,4,3", "4,3,1"]);
        plan.Moves.Select(move => Ids(move.Before)).ShouldBe(["1,2,3", "2,3,1"]);
        plan.Stuck.ShouldBeEmpty();
    }

    [Fact]
    public void The_work_goes_to_those_with_the_fewest_replicas()
    {
        var cluster = Cluster([(1, null), (2, null), (3, null), (4, null)], [2, 1], [2, 1], [1, 2], [3, 1]);
        var plan = Replacement.Plan(cluster, new NodeId(2), Up(cluster));
        plan.Moves.Select(move => Ids(move.After)).ShouldBe(["4,1", "3,1", "1,4"]);
    }

    [Fact]
    public void A_rack_that_the_partition_is_not_in_yet_goes_before_a_light_load()
    {
        var cluster = Cluster([(1, "a"), (2, "b"), (3, "a"), (4, "b")], [1, 2], [4, 1], [4, 1]);
        Replacement.Plan(cluster, new NodeId(2), Up(cluster)).Moves.ShouldHaveSingleItem().After.ShouldBe(Nodes(1, 4));
    }

    [Fact]
    public void Where_nobody_is_left_to_take_over_it_is_said()
    {
        var cluster = Cluster([(1, null), (2, null), (3, null)], [1, 2, 3], [1, 2]);
        var plan = Replacement.Plan(cluster, new NodeId(2), Up(cluster));
        plan.Moves.ShouldHaveSingleItem().After.ShouldBe(Nodes(1, 3));
        plan.Stuck.ShouldHaveSingleItem().Partition.ShouldBe(new PartitionIndex(0));
    }

    private static ClusterMap Cluster((int Id, string? Rack)[] brokers, params int[][] partitions) => new(
        [.. brokers.Select(broker => new MappedBroker(new NodeId(broker.Id), "host:9092", broker.Rack, IsLive: broker.Id != 2))],
        [
            .. partitions.Select((replicas, index) => new MappedPartition(
                new TopicPartition(new TopicName("orders"), new PartitionIndex(index)), NodeId.None, Nodes(replicas), [])),
        ]);

    private static List<MappedBroker> Up(ClusterMap cluster) => [.. cluster.Brokers.Where(broker => broker.IsLive)];

    private static List<NodeId> Nodes(params int[] ids) => [.. ids.Select(id => new NodeId(id))];

    private static string Ids(IEnumerable<NodeId> nodes) => string.Join(',', nodes);
}
