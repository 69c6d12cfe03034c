using Loire.Protocol;

namespace Loire.Cli.Brokers;

/// <summary>A partition's replicas before and after.</summary>
internal sealed record Move(TopicPartition Partition, IReadOnlyList<NodeId> Before, IReadOnlyList<NodeId> After);

/// <summary>Who takes the place of a lost broker.</summary>
/// <param name="Stuck">Partitions that no other broker can take over: all that may already hold them.</param>
internal sealed record Replacement(IReadOnlyList<Move> Moves, IReadOnlyList<TopicPartition> Stuck)
{
    /// <summary>Each partition keeps the order of its replicas, hence its preferred leader unless that is the lost one. The
    /// successor stands in a rack that the partition is not in yet, where there is one, and has the fewest replicas of those
    /// that do.</summary>
    /// <param name="among">The brokers that may take over, all of them up.</param>
    public static Replacement Plan(ClusterMap cluster, NodeId lost, IReadOnlyCollection<MappedBroker> among)
    {
        var load = among.ToDictionary(
            broker => broker.Id, broker => cluster.Partitions.Count(partition => partition.Replicas.Contains(broker.Id)));
        var racks = cluster.Brokers.ToDictionary(broker => broker.Id, broker => broker.Rack);
        var moves = new List<Move>();
        var stuck = new List<TopicPartition>();
        foreach (var partition in cluster.Partitions.Where(partition => partition.Replicas.Contains(lost)))
        {
            var taken = partition.Replicas.Where(node => node != lost).Select(node => racks[node]).ToHashSet(StringComparer.Ordinal);
            var successor = among
                .Where(broker => !partition.Replicas.Contains(broker.Id))
                .OrderBy(broker => broker.Rack is not null && taken.Contains(broker.Rack))
                .ThenBy(broker => load[broker.Id])
                .ThenBy(broker => broker.Id.Value)
                .FirstOrDefault();
            if (successor is null)
            {
                stuck.Add(partition.Partition);
                continue;
            }

            load[successor.Id]++;
            moves.Add(new Move(
                partition.Partition,
                partition.Replicas,
                [.. partition.Replicas.Select(node => node == lost ? successor.Id : node)]));
        }

        return new Replacement(moves, stuck);
    }
}
