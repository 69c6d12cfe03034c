using System.Collections.Immutable;
using System.Globalization;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Grains;

/// <summary>The membership as brokers: a broker's silo is named after its node id.</summary>
internal sealed class LiveBrokers(IClusterLearner learner)
{
    private const string Prefix = "broker-";

    private readonly Lock _lock = new();
    private MembershipVersion _known = MembershipVersion.MinValue;

    public static string SiloNameOf(NodeId broker) => Prefix + broker;

    /// <returns>Null for a silo that is no broker's.</returns>
    public static NodeId? BrokerOf(string? siloName) =>
        siloName is not null
        && siloName.StartsWith(Prefix, StringComparison.Ordinal)
        && int.TryParse(siloName.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? new NodeId(id)
            : null;

    public static ImmutableArray<NodeId> Of(ClusterMembershipSnapshot membership) =>
    [
        .. membership.Members.Values
            .Where(member => member.Status == SiloStatus.Active)
            .Select(member => BrokerOf(member.Name))
            .OfType<NodeId>()
            .Distinct()
            .OrderBy(broker => broker.Value),
    ];

    /// <summary>A broker's silos, of all its runs that the membership still knows.</summary>
    public static IEnumerable<ClusterMember> SilosOf(ClusterMembershipSnapshot membership, NodeId broker)
    {
        var name = SiloNameOf(broker);
        return membership.Members.Values.Where(member => member.Name == name);
    }

    /// <summary>Tells this broker who is live, unless it knows better.</summary>
    public void Learn(ClusterMembershipSnapshot membership)
    {
        lock (_lock)
        {
            if (membership.Version < _known) return;
            _known = membership.Version;
            learner.Learn(Of(membership));
        }
    }
}
