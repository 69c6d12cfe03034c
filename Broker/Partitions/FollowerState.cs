using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a follower knows of its leader.</summary>
/// <param name="leader">None while the partition has no leader.</param>
/// <param name="highWatermark">As far as this replica knows.</param>
internal sealed class FollowerState(NodeId leader, LeaderEpoch epoch, Offset highWatermark)
{
    private Offset _leaderHighWatermark = highWatermark;

    public NodeId Leader { get; } = leader;
    public LeaderEpoch Epoch { get; } = epoch;

    /// <summary>The leader's, as far as this replica has it on disk.</summary>
    public Offset HighWatermark { get; private set; } = highWatermark;

    public void Learned(Offset leaderHighWatermark, Offset durableEnd)
    {
        _leaderHighWatermark = Offset.Max(_leaderHighWatermark, leaderHighWatermark);
        Durable(durableEnd);
    }

    public void Durable(Offset durableEnd) =>
        HighWatermark = Offset.Max(HighWatermark, Offset.Min(_leaderHighWatermark, durableEnd));

    /// <summary>Records are dropped. Only an unclean election can make a follower drop what was committed.</summary>
    public void Truncated(Offset end)
    {
        HighWatermark = Offset.Min(HighWatermark, end);
        _leaderHighWatermark = HighWatermark;
    }
}
