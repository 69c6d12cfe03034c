using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>Who is up, by heartbeats: slow to notice a death, and wrong about brokers that are paused or cut off.</summary>
internal sealed class SimMembership(EventLoop loop, ImmutableArray<NodeId> brokers)
{
    private const long SilenceMaxMs = 800;
    private readonly Dictionary<NodeId, (long AtMs, bool IsDraining)> _heard =
        brokers.ToDictionary(broker => broker, _ => (loop.NowMs, false));

    public void Heard(NodeId broker, bool isDraining) => _heard[broker] = (loop.NowMs, isDraining);

    /// <summary>Whether nobody is about to be taken for dead, as one is that was down and has not been heard of again.</summary>
    public bool HasHeardAllLately() => _heard.Values.All(heard => loop.NowMs - heard.AtMs <= SilenceMaxMs / 4);

    public BrokerStatuses Statuses()
    {
        ImmutableArray<NodeId> live = [.. brokers.Where(broker => loop.NowMs - _heard[broker].AtMs <= SilenceMaxMs)];
        return new BrokerStatuses(live, [.. live.Where(broker => _heard[broker].IsDraining)]);
    }
}
