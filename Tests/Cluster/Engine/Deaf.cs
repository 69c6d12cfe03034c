using System.Collections.Immutable;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A broker to which no news comes.</summary>
internal sealed class Deaf : IClusterLearner
{
    public void Learn(TopicRecord topic)
    {
    }

    public void Learn(ClusterRecord cluster)
    {
    }

    public void Learn(ImmutableArray<NodeId> live)
    {
    }

    public Task ToldAsync() => Task.CompletedTask;
}
