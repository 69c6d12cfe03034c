using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Grains.Storage;

/// <summary>A topic as it lies in the storage. Names of members are persisted: a change of theirs is a new format.</summary>
/// <param name="Format">See <see cref="CurrentFormat"/>.</param>
internal sealed record TopicDocument(
    int Format,
    string Name,
    Guid Id,
    long Version,
    bool IsDeleted,
    bool AllowsUncleanElection,
    SortedDictionary<string, string> Configs,
    ImmutableArray<PartitionDocument> Partitions,
    ImmutableArray<GenerationDocument> Generations)
{
    public const int CurrentFormat = 1;

    public static TopicDocument From(TopicRecord topic) => new(
        CurrentFormat,
        topic.Name.Value,
        topic.Id.Value,
        topic.Version,
        topic.IsDeleted,
        topic.Control.AllowsUncleanElection,
        new SortedDictionary<string, string>(topic.ConfigOverrides, StringComparer.Ordinal),
        [.. topic.Control.Partitions.Select(PartitionDocument.From)],
        [.. topic.Control.Generations.Select(GenerationDocument.From)]);

    public TopicRecord ToRecord() => new(
        new TopicName(Name),
        new TopicId(Id),
        Version,
        IsDeleted,
        Configs.ToImmutableSortedDictionary(StringComparer.Ordinal),
        new TopicControlState(
            [.. Partitions.Select(partition => partition.ToState())],
            [.. Generations.Select(generation => generation.ToGeneration())],
            AllowsUncleanElection));
}

/// <param name="Adding">Null where no replica is being added.</param>
/// <param name="Removing">Null where no replica is about to leave.</param>
internal sealed record PartitionDocument(
    ImmutableArray<int> Replicas,
    ImmutableArray<int> InSync,
    int Leader,
    int LeaderEpoch,
    int PartitionEpoch,
    ImmutableArray<int>? Adding = null,
    ImmutableArray<int>? Removing = null)
{
    public static PartitionDocument From(PartitionState partition) => new(
        NodeIds.ToInts(partition.Replicas),
        NodeIds.ToInts(partition.InSync),
        partition.Leader.Value,
        partition.LeaderEpoch.Value,
        partition.PartitionEpoch,
        partition.Adding.IsEmpty ? null : NodeIds.ToInts(partition.Adding),
        partition.Removing.IsEmpty ? null : NodeIds.ToInts(partition.Removing));

    public PartitionState ToState() => new()
    {
        Replicas = NodeIds.FromInts(Replicas),
        InSync = NodeIds.FromInts(InSync),
        Leader = new NodeId(Leader),
        LeaderEpoch = new LeaderEpoch(LeaderEpoch),
        PartitionEpoch = PartitionEpoch,
        Adding = NodeIds.FromInts(Adding ?? []),
        Removing = NodeIds.FromInts(Removing ?? []),
    };
}

internal sealed record GenerationDocument(int Broker, long Generation, string DirectoryId)
{
    public static GenerationDocument From(BrokerGeneration started) =>
        new(started.Broker.Value, started.Generation, started.DirectoryId);

    public BrokerGeneration ToGeneration() => new(new NodeId(Broker), Generation, DirectoryId);
}
