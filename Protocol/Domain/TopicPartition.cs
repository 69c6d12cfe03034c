namespace Loire.Protocol;

/// <summary>A partition by its topic's name.</summary>
public readonly record struct TopicPartition(TopicName Topic, PartitionIndex Partition)
{
    public override string ToString() => $"{Topic}-{Partition}";
}

/// <summary>A partition by its topic's id and name. Logs are kept by id, so that a topic deleted and created again
/// under its old name never sees its predecessor's records.</summary>
public readonly record struct TopicIdPartition(TopicId TopicId, TopicName Topic, PartitionIndex Partition)
{
    public TopicPartition TopicPartition => new(Topic, Partition);
    public override string ToString() => $"{Topic}-{Partition}";
}
