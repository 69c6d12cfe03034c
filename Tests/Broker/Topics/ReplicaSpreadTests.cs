using System.Collections.Immutable;
using Loire.Broker.Topics;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Topics;

public sealed class ReplicaSpreadTests
{
    [Fact]
    public void Leaders_and_replicas_are_shared_evenly()
    {
        var placed = Place(first: 0, count: 60, replicas: 3, Brokers("1 2 3 4 5"));
        foreach (var broker in Enumerable.Range(1, 5).Select(id => new NodeId(id)))
        {
            placed.Count(replicas => replicas[0] == broker).ShouldBe(12);
            placed.Count(replicas => replicas.Contains(broker)).ShouldBe(36);

            // What it led goes to all others alike when it is lost.
            placed.Where(replicas => replicas[0] == broker).Select(replicas => replicas[1]).Distinct().Count().ShouldBe(4);
        }

        placed.ShouldAllBe(replicas => replicas.Distinct().Count() == 3);
    }

    [Fact]
    public void Each_replica_is_in_another_rack_while_there_are_racks()
    {
        var brokers = Brokers("1a 2a 3a 4b 5b 6c");
        var racks = brokers.ToDictionary(broker => broker.Node, broker => broker.Rack);
        foreach (var replicas in Place(0, 48, 3, brokers))
        {
            replicas.Select(node => racks[node]).ShouldBeUnique();
        }

        foreach (var replicas in Place(0, 48, 5, brokers))
        {
            replicas.ShouldBeUnique();
            replicas.Select(node => racks[node]).Distinct().Count().ShouldBe(3);
        }
    }

    [Fact]
    public void Who_is_away_gets_replicas_only_where_there_are_too_few_others_and_never_the_lead()
    {
        var brokers = Brokers("1 2 3!");
        Place(0, 6, 2, brokers).ShouldAllBe(replicas => !replicas.Contains(new NodeId(3)));
        Place(0, 6, 3, brokers).ShouldAllBe(replicas => replicas[2] == new NodeId(3));
    }

    [Fact]
    public void Growth_goes_on_where_creation_ended()
    {
        var brokers = Brokers("1 2 3");
        Show([.. Place(0, 4, 2, brokers), .. Place(4, 5, 2, brokers)]).ShouldBe(Show(Place(0, 9, 2, brokers)));
    }

    [Fact]
    public void Topics_of_one_partition_spread_too()
    {
        var brokers = Brokers("1 2 3");
        var orders = Enumerable.Range(0, 600)
            .Select(i => Show(ReplicaSpread.Place(new TopicName($"topic-{i}"), 0, 1, 3, brokers)))
            .CountBy(replicas => replicas);

        // All six orders: so do the leaders after a broker is lost.
        orders.Count().ShouldBe(6);
        orders.ShouldAllBe(order => order.Value > 60);
    }

    private static ImmutableArray<ImmutableArray<NodeId>> Place(
        int first, int count, int replicas, ImmutableArray<PlacementBroker> brokers) =>
        ReplicaSpread.Place(new TopicName("orders"), first, count, replicas, brokers);

    private static string Show(IEnumerable<ImmutableArray<NodeId>> placed) =>
        string.Join(' ', placed.Select(replicas => string.Join(',', replicas)));

    /// <summary>An id and a rack of one letter, with '!' behind who is away.</summary>
    private static ImmutableArray<PlacementBroker> Brokers(string text) =>
    [
        .. text.Split(' ').Select(broker => new PlacementBroker(
            new NodeId(broker[0] - '0'),
            broker.Length > 1 && broker[1] != '!' ? broker[1..2] : null,
            !broker.EndsWith('!'))),
    ];
}
