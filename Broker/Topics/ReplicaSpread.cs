using System.Collections.Immutable;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Hashing;

namespace Loire.Broker.Topics;

/// <summary>Spreads replicas over brokers and racks. The brokers stand in a ring in which neighbours are of different racks
/// where that can be. Leaders go around the ring; a partition's other replicas follow its leader, racks that have none of
/// them yet first, at a distance that grows with each round, so that the partitions of a lost broker go to many others. A
/// topic starts at a place that its name decides: many topics of one partition spread too.</summary>
internal static class ReplicaSpread
{
    /// <param name="first">The number of the first partition to place.</param>
    /// <param name="replicas">At most as many as there are brokers.</param>
    public static ImmutableArray<ImmutableArray<NodeId>> Place(
        TopicName topic, int first, int count, int replicas, ImmutableArray<PlacementBroker> brokers)
    {
        var live = Ring(brokers.Where(broker => broker.IsLive));
        var away = Ring(brokers.Where(broker => !broker.IsLive));
        var places = brokers.Length * Math.Max(1, brokers.Length - 1);
        var start = (int)((uint)Murmur2.Hash(Encoding.UTF8.GetBytes(topic.Value)) % (uint)places);
        return [.. Enumerable.Range(first, count).Select(partition => Choose(start + partition))];

        ImmutableArray<NodeId> Choose(int place) =>
            [.. FromLeader(live, place).Concat(FromLeader(away, place)).Take(replicas).Select(broker => broker.Node)];
    }

    private static PlacementBroker[] Ring(IEnumerable<PlacementBroker> brokers) =>
    [
        .. brokers.OrderBy(broker => broker.Node.Value)
            .GroupBy(broker => broker.Rack ?? "", StringComparer.Ordinal)
            .OrderBy(rack => rack.Key, StringComparer.Ordinal)
            .SelectMany((rack, number) => rack.Select((broker, index) => (broker, index, number)))
            .OrderBy(placed => placed.index)
            .ThenBy(placed => placed.number)
            .Select(placed => placed.broker),
    ];

    /// <summary>All brokers of a ring in the order in which the partition at <paramref name="place"/> takes them.</summary>
    private static IEnumerable<PlacementBroker> FromLeader(PlacementBroker[] ring, int place)
    {
        if (ring.Length == 0) yield break;
        var leader = place % ring.Length;
        yield return ring[leader];

        var round = place / ring.Length;
        var rest = new List<PlacementBroker>();
        for (var i = 0; i < ring.Length - 1; i++)
        {
            rest.Add(ring[(leader + 1 + ((round + i) % (ring.Length - 1))) % ring.Length]);
        }

        var racks = new HashSet<string?>(StringComparer.Ordinal) { ring[leader].Rack };
        while (rest.Count > 0)
        {
            var next = rest.FindIndex(broker => !racks.Contains(broker.Rack));
            if (next < 0) racks.Clear();
            next = Math.Max(next, 0);
            racks.Add(rest[next].Rack);
            yield return rest[next];
            rest.RemoveAt(next);
        }
    }
}
