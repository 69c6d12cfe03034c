using System.Collections.Immutable;
using Loire.Cluster;
using Microsoft.Extensions.Logging;

namespace Loire.Grains.Push;

/// <summary>Hands what controllers announce to the broker of this silo.</summary>
internal sealed class BrokerGrainService(GrainId id, Silo silo, ILoggerFactory loggers, IClusterLearner learner)
    : GrainService(id, silo, loggers), IBrokerGrainService
{
    public Task LearnAsync(ImmutableArray<TopicRecord> topics, ClusterRecord? cluster)
    {
        if (cluster is not null) learner.Learn(cluster);
        foreach (var topic in topics) learner.Learn(topic);
        return Task.CompletedTask;
    }

    public Task PingAsync() => Task.CompletedTask;
}
