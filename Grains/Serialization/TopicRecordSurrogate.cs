using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Grains.Serialization;

/// <summary>A topic on its way between silos.</summary>
[GenerateSerializer, Immutable, Alias("Loire.TopicRecord")]
internal struct TopicRecordSurrogate
{
    [Id(0)] public string Name;
    [Id(1)] public Guid TopicId;
    [Id(2)] public long Version;
    [Id(3)] public bool IsDeleted;
    [Id(4)] public ImmutableSortedDictionary<string, string> ConfigOverrides;
    [Id(5)] public ImmutableArray<PartitionSurrogate> Partitions;
    [Id(6)] public ImmutableArray<BrokerGeneration> Generations;
    [Id(7)] public bool AllowsUncleanElection;
}

[GenerateSerializer, Immutable, Alias("Loire.PartitionState")]
internal struct PartitionSurrogate
{
    [Id(0)] public ImmutableArray<int> Replicas;
    [Id(1)] public ImmutableArray<int> InSync;
    [Id(2)] public int Leader;
    [Id(3)] public int LeaderEpoch;
    [Id(4)] public int PartitionEpoch;
    [Id(5)] public ImmutableArray<int> Adding;
    [Id(6)] public ImmutableArray<int> Removing;
}

[RegisterConverter]
internal sealed class TopicRecordConverter : IConverter<TopicRecord, TopicRecordSurrogate>
{
    public TopicRecord ConvertFromSurrogate(in TopicRecordSurrogate surrogate) => new(
        new TopicName(surrogate.Name),
        new TopicId(surrogate.TopicId),
        surrogate.Version,
        surrogate.IsDeleted,
        surrogate.ConfigOverrides,
        new TopicControlState(
            [.. surrogate.Partitions.Select(FromSurrogate)], surrogate.Generations, surrogate.AllowsUncleanElection));

    public TopicRecordSurrogate ConvertToSurrogate(in TopicRecord value) => new()
    {
        Name = value.Name.Value,
        TopicId = value.Id.Value,
        Version = value.Version,
        IsDeleted = value.IsDeleted,
        ConfigOverrides = value.ConfigOverrides,
        Partitions = [.. value.Control.Partitions.Select(ToSurrogate)],
        Generations = value.Control.Generations,
        AllowsUncleanElection = value.Control.AllowsUncleanElection,
    };

    private static PartitionState FromSurrogate(PartitionSurrogate surrogate) => new()
    {
        Replicas = NodeIds.FromInts(surrogate.Replicas),
        InSync = NodeIds.FromInts(surrogate.InSync),
        Leader = new NodeId(surrogate.Leader),
        LeaderEpoch = new LeaderEpoch(surrogate.LeaderEpoch),
        PartitionEpoch = surrogate.PartitionEpoch,
        Adding = NodeIds.FromInts(surrogate.Adding),
        Removing = NodeIds.FromInts(surrogate.Removing),
    };

    private static PartitionSurrogate ToSurrogate(PartitionState partition) => new()
    {
        Replicas = NodeIds.ToInts(partition.Replicas),
        InSync = NodeIds.ToInts(partition.InSync),
        Leader = partition.Leader.Value,
        LeaderEpoch = partition.LeaderEpoch.Value,
        PartitionEpoch = partition.PartitionEpoch,
        Adding = NodeIds.ToInts(partition.Adding),
        Removing = NodeIds.ToInts(partition.Removing),
    };
}
