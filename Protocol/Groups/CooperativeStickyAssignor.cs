namespace Loire.Protocol.Groups;

/// <summary>Even shares, moved as little as that allows. A partition that is to move is given to nobody until the one who
/// reads it has let it go: that one then joins again, and the next assignment gives it away (KIP-429). So no partition that
/// stays is ever put down.</summary>
internal sealed class CooperativeStickyAssignor : PartitionAssignor
{
    public override string Name => "cooperative-sticky";

    private protected override void Spread(List<Share> shares, List<SharedTopic> topics)
    {
        var unowned = topics.SelectMany(topic => topic.Partitions).ToHashSet();
        KeepOwned(shares, unowned);

        // Topics with few readers first: the others fill up what these leave uneven.
        foreach (var topic in topics.OrderBy(topic => topic.Readers.Count))
        {
            foreach (var partition in topic.Partitions.Where(unowned.Contains))
                LeastLoaded(topic).Partitions.Add(partition);
        }
        while (TryMoveOne(shares, topics))
        {
            // Each move makes the shares more even, so there is an end.
        }
        WithholdMoved(shares);
    }

    /// <summary>Of several members who say that they own a partition, the one of the latest generation is right.</summary>
    private static void KeepOwned(List<Share> shares, HashSet<TopicPartition> unowned)
    {
        foreach (var share in shares.OrderByDescending(share => share.Member.Subscription.Generation))
        {
            share.Partitions.AddRange(OwnedBy(share).Where(
                partition => share.Wants(partition.Topic) && unowned.Remove(partition)));
        }
    }

    /// <summary>Moves a partition from a member that has the most to one that has fewer by two or more.</summary>
    private static bool TryMoveOne(List<Share> shares, List<SharedTopic> topics)
    {
        var takers = topics.ToDictionary(topic => topic.Name, LeastLoaded);
        foreach (var giver in shares.OrderByDescending(share => share.Partitions.Count))
        {
            var moved = giver.Partitions.FindLastIndex(
                partition => giver.Partitions.Count - takers[partition.Topic].Partitions.Count > 1);
            if (moved < 0)
                continue;
            takers[giver.Partitions[moved].Topic].Partitions.Add(giver.Partitions[moved]);
            giver.Partitions.RemoveAt(moved);
            return true;
        }
        return false;
    }

    private static void WithholdMoved(List<Share> shares)
    {
        var owned = shares.SelectMany(OwnedBy).ToHashSet();
        foreach (var share in shares)
        {
            var own = OwnedBy(share).ToHashSet();
            share.Partitions.RemoveAll(partition => owned.Contains(partition) && !own.Contains(partition));
        }
    }

    // Members say it in any order.
    private static IEnumerable<TopicPartition> OwnedBy(Share share) => (share.Member.Subscription.Owned ?? [])
        .OrderBy(partition => partition.Topic.Value, StringComparer.Ordinal).ThenBy(partition => partition.Partition.Value);

    private static Share LeastLoaded(SharedTopic topic) => topic.Readers.MinBy(reader => reader.Partitions.Count)!;
}
