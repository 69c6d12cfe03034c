namespace Loire.Protocol.Groups;

/// <summary>Partition by partition, in turn over all topics.</summary>
internal sealed class RoundRobinAssignor : PartitionAssignor
{
    public override string Name => "roundrobin";

    private protected override void Spread(List<Share> shares, List<SharedTopic> topics)
    {
        var turn = 0;
        foreach (var topic in topics)
        {
            foreach (var partition in topic.Partitions)
            {
                while (!shares[turn].Wants(topic.Name))
                    turn = (turn + 1) % shares.Count;
                shares[turn].Partitions.Add(partition);
                turn = (turn + 1) % shares.Count;
            }
        }
    }
}
