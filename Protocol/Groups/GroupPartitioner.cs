namespace Loire.Protocol.Groups;

/// <summary>Which partition of __consumer_offsets a group belongs to: as Kafka, by Java's hash of the id.</summary>
public static class GroupPartitioner
{
    public static PartitionIndex PartitionOf(GroupId group, int partitionCount)
    {
        var hash = 0;
        foreach (var unit in group.Value)
            hash = unchecked((31 * hash) + unit);
        return new PartitionIndex((hash == int.MinValue ? 0 : Math.Abs(hash)) % partitionCount);
    }
}
