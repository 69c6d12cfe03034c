using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>The committed offsets of a group, by topic and partition.</summary>
internal sealed class GroupOffsets
{
    private readonly Dictionary<TopicName, SortedDictionary<int, CommittedOffset>> _topics = [];

    public int Count { get; private set; }

    public IEnumerable<TopicName> Topics => _topics.Keys;

    public CommittedOffset? Find(TopicPartition partition) =>
        _topics.TryGetValue(partition.Topic, out var partitions)
            ? partitions.GetValueOrDefault(partition.Partition.Value)
            : null;

    /// <summary>By topic, partitions in order.</summary>
    public IEnumerable<(TopicPartition Partition, CommittedOffset Value)> All() =>
        _topics.Keys.SelectMany(Of);

    public IEnumerable<(TopicPartition Partition, CommittedOffset Value)> Of(TopicName topic) =>
        _topics.TryGetValue(topic, out var partitions)
            ? partitions.Select(entry => (new TopicPartition(topic, new PartitionIndex(entry.Key)), entry.Value))
            : [];

    /// <param name="value">Null to remove.</param>
    public void Apply(TopicPartition partition, CommittedOffset? value)
    {
        if (!_topics.TryGetValue(partition.Topic, out var partitions))
        {
            if (value is null)
                return;
            _topics.Add(partition.Topic, partitions = []);
        }
        var before = partitions.Count;
        if (value is not null)
            partitions[partition.Partition.Value] = value;
        else
            partitions.Remove(partition.Partition.Value);
        Count += partitions.Count - before;
        if (partitions.Count == 0)
            _topics.Remove(partition.Topic);
    }
}
