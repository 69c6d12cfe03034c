using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Grains;

/// <summary>Lists of brokers as they are stored and sent.</summary>
internal static class NodeIds
{
    public static ImmutableArray<int> ToInts(ImmutableArray<NodeId> nodes) => [.. nodes.Select(node => node.Value)];

    public static ImmutableArray<NodeId> FromInts(ImmutableArray<int> nodes) => [.. nodes.Select(node => new NodeId(node))];
}
