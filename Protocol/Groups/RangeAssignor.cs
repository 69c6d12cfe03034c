namespace Loire.Protocol.Groups;

/// <summary>Each topic's partitions in a row, cut into shares of the same size, the first members getting one more where they
/// do not divide: partitions of the same number of several topics meet at one member.</summary>
internal sealed class RangeAssignor : PartitionAssignor
{
    public override string Name => "range";

    private protected override void Spread(List<Share> shares, List<SharedTopic> topics)
    {
        foreach (var topic in topics)
        {
            var (size, larger) = Math.DivRem(topic.PartitionCount, topic.Readers.Count);
            var start = 0;
            for (var i = 0; i < topic.Readers.Count; i++)
            {
                var count = size + (i < larger ? 1 : 0);
                topic.Readers[i].Partitions.AddRange(topic.Partitions.Skip(start).Take(count));
                start += count;
            }
        }
    }
}
