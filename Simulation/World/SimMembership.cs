using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>What the cluster's record says of a broker.</summary>
/// <param name="Incarnation">Its newest run.</param>
/// <param name="Version">Of two records the newer one has the greater.</param>
internal sealed record Registration(int Incarnation, bool IsDraining, long Version);

/// <summary>Who is up, by heartbeats: slow to notice a death, and wrong about brokers that are paused or cut off. And who of
/// them drains, which is in the controllers' store.</summary>
internal sealed class SimMembership(SimCluster cluster, ImmutableArray<NodeId> brokers)
{
    private const long SilenceMaxMs = 800;
    private readonly EventLoop _loop = cluster.Loop;
    private readonly Dictionary<NodeId, long> _heardMs = brokers.ToDictionary(broker => broker, _ => cluster.Loop.NowMs);
    private readonly Dictionary<NodeId, Registration> _registrations =
        brokers.ToDictionary(broker => broker, _ => new Registration(0, IsDraining: false, Version: 0));
    private long _version;

    public void Heard(NodeId broker) => _heardMs[broker] = _loop.NowMs;

    /// <summary>A new run of a broker does not drain.</summary>
    /// <returns>False where it is not registered, and must not start.</returns>
    public bool TryRegister(NodeId broker, int incarnation)
    {
        if (cluster.Store.IsReachable && incarnation > Find(broker).Incarnation) Write(broker, incarnation, isDraining: false);
        return Find(broker).Incarnation == incarnation;
    }

    public Registration Find(NodeId broker) => _registrations[broker];

    /// <summary>Of an earlier run of a broker nothing is noted. As with all that is stored, it may be noted and nobody learns of
    /// it.</summary>
    public void SetDraining(NodeId broker, int incarnation, bool isDraining, Action<Registration> reply)
    {
        if (!cluster.Store.IsReachable && cluster.Random.Next(2) == 0) return;
        var known = Find(broker);
        if (known.Incarnation == incarnation && known.IsDraining != isDraining) Write(broker, incarnation, isDraining);
        if (cluster.Store.IsReachable) reply(Find(broker));
    }

    /// <summary>Whether nobody is about to be taken for dead, as one is that was down and has not been heard of again.</summary>
    public bool HasHeardAllLately() => _heardMs.Values.All(heardMs => _loop.NowMs - heardMs <= SilenceMaxMs / 4);

    public BrokerStatuses Statuses()
    {
        ImmutableArray<NodeId> live = [.. brokers.Where(broker => _loop.NowMs - _heardMs[broker] <= SilenceMaxMs)];
        return new BrokerStatuses(live, [.. live.Where(broker => Find(broker).IsDraining)]);
    }

    private void Write(NodeId broker, int incarnation, bool isDraining) =>
        _registrations[broker] = new Registration(incarnation, isDraining, ++_version);
}
