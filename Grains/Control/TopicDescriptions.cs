using System.Collections.Immutable;
using Loire.Cluster;
using Loire.Grains.Interfaces;

namespace Loire.Grains.Control;

/// <summary>Topics as Orleans callers see them.</summary>
internal static class TopicDescriptions
{
    public static TopicDescription Describe(TopicRecord topic) => new(
        topic.Name.Value,
        topic.Id.Value,
        topic.Version,
        [.. topic.Control.Partitions.Select((partition, index) => new PartitionDescription(
            index,
            partition.Leader.Value,
            partition.LeaderEpoch.Value,
            NodeIds.ToInts(partition.Replicas),
            NodeIds.ToInts(partition.InSync)))],
        topic.ConfigOverrides.ToImmutableDictionary(StringComparer.Ordinal));
}
