using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a follower knows of its leader.</summary>
/// <param name="leader">None while the partition has no leader.</param>
/// <param name="highWatermark">As far as this replica knows.</param>
internal sealed class FollowerState(NodeId leader, LeaderEpoch epoch, Offset highWatermark)
{
    public NodeId Leader { get; } = leader;
    public LeaderEpoch Epoch { get; } = epoch;

    /// <summary>As the leader told it last.</summary>
    public Offset LeaderHighWatermark { get; private set; } = highWatermark;

    /// <summary>The leader's, as far as this replica has it on disk.</summary>
    public Offset HighWatermark { get; private set; } = highWatermark;

    /// <returns>Whether the high watermark rose.</returns>
    public bool Learned(Offset leaderHighWatermark, Offset durableEnd)
    {
        LeaderHighWatermark = Offset.Max(LeaderHighWatermark, leaderHighWatermark);
        return Durable(durableEnd);
    }

    /// <returns>Whether the high watermark rose.</returns>
    public bool Durable(Offset durableEnd)
    {
        var before = HighWatermark;
        HighWatermark = Offset.Max(before, Offset.Min(LeaderHighWatermark, durableEnd));
        return HighWatermark > before;
    }

    /// <summary>Records are dropped. Only an unclean election can make a follower drop what was committed.</summary>
    public void Truncated(Offset end)
    {
        HighWatermark = Offset.Min(HighWatermark, end);
        LeaderHighWatermark = HighWatermark;
    }
}
