namespace Loire.Protocol.Groups;

/// <summary>How the leader of a group spreads partitions over its members: a pure function of what they told it, so that the
/// outcome is the same whoever leads.</summary>
public abstract class PartitionAssignor
{
    public static readonly PartitionAssignor Range = new RangeAssignor();
    public static readonly PartitionAssignor RoundRobin = new RoundRobinAssignor();
    public static readonly PartitionAssignor CooperativeSticky = new CooperativeStickyAssignor();

    /// <summary>Under which members propose it: Kafka's name, so that others' clients may be in the group.</summary>
    public abstract string Name { get; }

    /// <param name="members">All members of the group, in any order.</param>
    /// <param name="partitionCounts">By topic; a topic that does not exist is missing, or has none.</param>
    /// <returns>By member id; a member that gets nothing has an empty list.</returns>
    public Dictionary<string, List<TopicPartition>> Assign(
        IEnumerable<Subscriber> members, IReadOnlyDictionary<TopicName, int> partitionCounts)
    {
        // Kafka's order: static members first, by instance id, which outlives the member id.
        var shares = members
            .OrderBy(member => member.InstanceId is null)
            .ThenBy(member => member.InstanceId ?? member.MemberId, StringComparer.Ordinal)
            .Select(member => new Share(member)).ToList();
        var topics = partitionCounts.OrderBy(topic => topic.Key.Value, StringComparer.Ordinal)
            .Select(topic => new SharedTopic(topic.Key, topic.Value, shares.FindAll(share => share.Wants(topic.Key))))
            .Where(topic => topic.Readers.Count > 0).ToList();
        Spread(shares, topics);
        return shares.ToDictionary(share => share.Member.MemberId, share => share.Partitions, StringComparer.Ordinal);
    }

    private protected abstract void Spread(List<Share> shares, List<SharedTopic> topics);

    /// <summary>A member and what it is to get.</summary>
    private protected sealed class Share(Subscriber member)
    {
        private readonly HashSet<TopicName> _topics = [.. member.Subscription.Topics];

        public Subscriber Member => member;
        public List<TopicPartition> Partitions { get; } = [];

        public bool Wants(TopicName topic) => _topics.Contains(topic);
    }

    /// <param name="Readers">Who subscribes to it, in order.</param>
    private protected sealed record SharedTopic(TopicName Name, int PartitionCount, List<Share> Readers)
    {
        public IEnumerable<TopicPartition> Partitions =>
            Enumerable.Range(0, PartitionCount).Select(index => new TopicPartition(Name, new PartitionIndex(index)));
    }
}
