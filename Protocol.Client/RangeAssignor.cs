namespace Loire.Protocol.Client;

/// <summary>Kafka's range assignment: each topic's partitions in a row, cut into shares of the same size, the first members
/// getting one more where they do not divide. Members are taken in the order of their ids.</summary>
public static class RangeAssignor
{
    public const string Name = "range";

    /// <param name="subscriptions">By member id.</param>
    /// <param name="partitionCounts">By topic; a topic that does not exist is missing.</param>
    public static Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyDictionary<string, IReadOnlyList<TopicName>> subscriptions, IReadOnlyDictionary<TopicName, int> partitionCounts)
    {
        var assigned = subscriptions.ToDictionary(member => member.Key, _ => new List<TopicPartition>(), StringComparer.Ordinal);
        foreach (var (topic, count) in partitionCounts)
        {
            var readers = subscriptions.Where(member => member.Value.Contains(topic))
                .Select(member => member.Key).Order(StringComparer.Ordinal).ToList();
            var next = 0;
            for (var i = 0; i < readers.Count; i++)
            {
                var share = (count / readers.Count) + (i < count % readers.Count ? 1 : 0);
                for (; share > 0; share--)
                    assigned[readers[i]].Add(new TopicPartition(topic, new PartitionIndex(next++)));
            }
        }
        return assigned;
    }
}
