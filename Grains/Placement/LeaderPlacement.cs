using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Loire.Grains.Placement;

/// <summary>A grain sits with the leader of its partition.</summary>
internal sealed class LeaderPlacement : PlacementStrategy;

/// <summary>Places a grain with the leader of its partition; the grain's type says which that is.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class LeaderPlacementAttribute() : PlacementAttribute(new LeaderPlacement());

/// <summary>Finds the silo that leads. Where that is not known any silo will do: the grain there says that it is not the
/// leader, and moves on.</summary>
internal sealed class LeaderPlacementDirector(IClusterView view, IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        var leader = LeaderOf(target.GrainIdentity) is { } broker ? SiloOf(broker) : null;
        return Task.FromResult(
            leader is not null && silos.Contains(leader) ? leader
            : silos.Contains(context.LocalSilo) ? context.LocalSilo
            : silos[Random.Shared.Next(silos.Length)]);
    }

    private NodeId? LeaderOf(GrainId grain)
    {
        var key = grain.Key.ToString()!;
        if (grain.Type == GrainTypes.ConsumerGroup)
        {
            return view.Find(TopicNames.ConsumerOffsets) is { IsDeleted: false } offsets
                ? LeaderOf(offsets, GroupPartitioner.PartitionOf(new GroupId(key), offsets.Control.Partitions.Length))
                : null;
        }

        return PartitionKey.TryParse(key, out var topic, out var partition) && view.Find(new TopicName(topic)) is { } known
            ? LeaderOf(known, new PartitionIndex(partition))
            : null;
    }

    private static NodeId? LeaderOf(TopicRecord topic, PartitionIndex partition) => topic.Control.Find(partition)?.Leader;

    private SiloAddress? SiloOf(NodeId broker) => LiveBrokers.SilosOf(membership.CurrentSnapshot, broker)
        .FirstOrDefault(member => member.Status == SiloStatus.Active)?.SiloAddress;
}
