using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Grains.Serialization;

[GenerateSerializer, Immutable, Alias("Loire.NewTopic")]
internal struct NewTopicSurrogate
{
    [Id(0)] public string Name;
    [Id(1)] public int PartitionCount;
    [Id(2)] public short ReplicationFactor;
    [Id(3)] public ImmutableArray<ImmutableArray<NodeId>>? Assignments;
    [Id(4)] public ImmutableSortedDictionary<string, string> ConfigOverrides;
}

[GenerateSerializer, Immutable, Alias("Loire.InSyncProposal")]
internal struct InSyncProposalSurrogate
{
    [Id(0)] public int Leader;
    [Id(1)] public int LeaderEpoch;
    [Id(2)] public int PartitionEpoch;
    [Id(3)] public ImmutableArray<int> InSync;
}

[GenerateSerializer, Immutable, Alias("Loire.BrokerGeneration")]
internal struct BrokerGenerationSurrogate
{
    [Id(0)] public int Broker;
    [Id(1)] public long Generation;
    [Id(2)] public string DirectoryId;
}

[GenerateSerializer, Immutable, Alias("Loire.NodeId")]
internal struct NodeIdSurrogate
{
    [Id(0)] public int Value;
}

[RegisterConverter]
internal sealed class NewTopicConverter : IConverter<NewTopic, NewTopicSurrogate>
{
    public NewTopic ConvertFromSurrogate(in NewTopicSurrogate surrogate) => new(
        new TopicName(surrogate.Name),
        surrogate.PartitionCount,
        surrogate.ReplicationFactor,
        surrogate.Assignments,
        surrogate.ConfigOverrides);

    public NewTopicSurrogate ConvertToSurrogate(in NewTopic value) => new()
    {
        Name = value.Name.Value,
        PartitionCount = value.PartitionCount,
        ReplicationFactor = value.ReplicationFactor,
        Assignments = value.Assignments,
        ConfigOverrides = value.ConfigOverrides,
    };
}

[RegisterConverter]
internal sealed class InSyncProposalConverter : IConverter<InSyncProposal, InSyncProposalSurrogate>
{
    public InSyncProposal ConvertFromSurrogate(in InSyncProposalSurrogate surrogate) => new(
        new NodeId(surrogate.Leader),
        new LeaderEpoch(surrogate.LeaderEpoch),
        surrogate.PartitionEpoch,
        NodeIds.FromInts(surrogate.InSync));

    public InSyncProposalSurrogate ConvertToSurrogate(in InSyncProposal value) => new()
    {
        Leader = value.Leader.Value,
        LeaderEpoch = value.LeaderEpoch.Value,
        PartitionEpoch = value.PartitionEpoch,
        InSync = NodeIds.ToInts(value.InSync),
    };
}

[RegisterConverter]
internal sealed class BrokerGenerationConverter : IConverter<BrokerGeneration, BrokerGenerationSurrogate>
{
    public BrokerGeneration ConvertFromSurrogate(in BrokerGenerationSurrogate surrogate) =>
        new(new NodeId(surrogate.Broker), surrogate.Generation, surrogate.DirectoryId);

    public BrokerGenerationSurrogate ConvertToSurrogate(in BrokerGeneration value) =>
        new() { Broker = value.Broker.Value, Generation = value.Generation, DirectoryId = value.DirectoryId };
}

[RegisterConverter]
internal sealed class NodeIdConverter : IConverter<NodeId, NodeIdSurrogate>
{
    public NodeId ConvertFromSurrogate(in NodeIdSurrogate surrogate) => new(surrogate.Value);

    public NodeIdSurrogate ConvertToSurrogate(in NodeId value) => new() { Value = value.Value };
}
