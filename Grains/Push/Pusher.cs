using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Cluster;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Grains.Push;

/// <summary>Tells all live brokers what a controller persisted.</summary>
internal interface IPusher
{
    Announcement Push(TopicRecord topic);

    Announcement Push(ClusterRecord cluster);
}

/// <summary>Pushes from the controllers of this silo to the brokers of all silos. A broker that comes later asks the
/// controllers itself.</summary>
internal sealed class Pusher(
    IClusterMembershipService membership,
    ILocalSiloDetails self,
    BrokerServices services,
    IClusterLearner learner,
    TimeProvider time,
    ILogger<Pusher> logger) : IPusher
{
    private readonly ConcurrentDictionary<SiloAddress, PushTarget> _targets = new();

    public Announcement Push(TopicRecord topic) => PushToAll(parcel => parcel.Add(topic));

    public Announcement Push(ClusterRecord cluster) => PushToAll(parcel => parcel.Add(cluster));

    private Announcement PushToAll(Action<Parcel> news)
    {
        foreach (var dead in _targets.Keys.Where(silo => !IsLive(silo))) _targets.TryRemove(dead, out _);
        var told = ImmutableArray.CreateBuilder<(NodeId, Task<bool>)>();
        foreach (var member in membership.CurrentSnapshot.Members.Values.Where(member => IsLive(member.SiloAddress)))
        {
            if (LiveBrokers.BrokerOf(member.Name) is not { } broker) continue;
            var target = _targets.GetOrAdd(member.SiloAddress, static (silo, pusher) => pusher.CreateTarget(silo), this);
            told.Add((broker, target.Add(news)));
        }

        return new Announcement(told.ToImmutable(), time);
    }

    private PushTarget CreateTarget(SiloAddress silo) => new(
        silo.ToString(),
        silo.Equals(self.SiloAddress)
            ? (topics, cluster) => learner.LearnAllAsync(topics, cluster, time)
            : (topics, cluster) => services.Of(silo).LearnAsync(topics, cluster),
        () => IsLive(silo),
        time,
        logger);

    /// <summary>A silo that is shutting down is still to learn to whom its leaderships went.</summary>
    private bool IsLive(SiloAddress silo) =>
        membership.CurrentSnapshot.GetSiloStatus(silo) is SiloStatus.Active or SiloStatus.ShuttingDown;
}
