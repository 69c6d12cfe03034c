using System.Collections.Frozen;
using System.Globalization;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Which replicas of a topic are throttled while they catch up (KIP-73): <c>*</c>, or pairs of partition and broker,
/// as <c>0:1,0:2,1:2</c>.</summary>
public sealed record ThrottledReplicas(bool IsAll, FrozenSet<(PartitionIndex Partition, NodeId Broker)> Replicas)
{
    public static readonly ThrottledReplicas None = new(IsAll: false, FrozenSet<(PartitionIndex, NodeId)>.Empty);

    public bool IsEmpty => !IsAll && Replicas.Count == 0;

    public bool Contains(PartitionIndex partition, NodeId broker) => IsAll || Replicas.Contains((partition, broker));

    /// <returns>Null for what is no such list.</returns>
    public static ThrottledReplicas? TryParse(IReadOnlyCollection<string> items)
    {
        if (items.Count == 0) return None;
        if (items.Contains("*", StringComparer.Ordinal)) return items.Count == 1 ? None with { IsAll = true } : null;
        var replicas = new List<(PartitionIndex, NodeId)>();
        foreach (var item in items)
        {
            var pair = item.Split(':');
            if (pair.Length != 2 || !TryRead(pair[0], out var partition) || !TryRead(pair[1], out var broker)) return null;
            replicas.Add((new PartitionIndex(partition), new NodeId(broker)));
        }

        return new ThrottledReplicas(IsAll: false, replicas.ToFrozenSet());

        static bool TryRead(string text, out int number) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
