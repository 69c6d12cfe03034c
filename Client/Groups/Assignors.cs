namespace Loire.Client;

/// <param name="Order">The instance id of a static member, else the member id.</param>
internal sealed record Subscriber(string MemberId, string Order, IReadOnlyList<string> Topics);

/// <summary>Who gets which partition: pure functions of the members' subscriptions and the topics' partition counts. Members
/// are taken in the order of their names, so that the outcome is the same whoever leads.</summary>
internal static class Assignors
{
    public static string NameOf(AssignmentStrategy strategy) => strategy switch
    {
        AssignmentStrategy.Range => "range",
        AssignmentStrategy.RoundRobin => "roundrobin",
        _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "There is no such strategy."),
    };

    /// <param name="partitionCounts">By topic; a topic that does not exist is missing.</param>
    public static Dictionary<string, List<TopicPartition>> Assign(
        string strategyName, IEnumerable<Subscriber> subscribers, IReadOnlyDictionary<string, int> partitionCounts)
    {
        var members = subscribers.OrderBy(member => member.Order, StringComparer.Ordinal).ToList();
        var assigned = members.ToDictionary(member => member.MemberId, _ => new List<TopicPartition>());
        var topics = partitionCounts.OrderBy(topic => topic.Key, StringComparer.Ordinal).ToList();
        if (strategyName == NameOf(AssignmentStrategy.RoundRobin))
            RoundRobin(members, topics, assigned);
        else
            Range(members, topics, assigned);
        return assigned;
    }

    private static void Range(
        List<Subscriber> members, List<KeyValuePair<string, int>> topics, Dictionary<string, List<TopicPartition>> assigned)
    {
        foreach (var (topic, count) in topics)
        {
            var readers = members.Where(member => member.Topics.Contains(topic)).ToList();
            var next = 0;
            for (var i = 0; i < readers.Count; i++)
            {
                var share = (count / readers.Count) + (i < count % readers.Count ? 1 : 0);
                for (; share > 0; share--)
                    assigned[readers[i].MemberId].Add(new TopicPartition(topic, next++));
            }
        }
    }

    private static void RoundRobin(
        List<Subscriber> members, List<KeyValuePair<string, int>> topics, Dictionary<string, List<TopicPartition>> assigned)
    {
        var turn = 0;
        foreach (var (topic, count) in topics)
        {
            if (!members.Any(member => member.Topics.Contains(topic)))
                continue;
            for (var partition = 0; partition < count; partition++)
            {
                while (!members[turn % members.Count].Topics.Contains(topic))
                    turn++;
                assigned[members[turn++ % members.Count].MemberId].Add(new TopicPartition(topic, partition));
            }
        }
    }
}
