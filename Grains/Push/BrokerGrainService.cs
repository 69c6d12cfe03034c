using System.Collections.Immutable;
using Loire.Cluster;
using Microsoft.Extensions.Logging;

namespace Loire.Grains.Push;

/// <summary>Hands what controllers announce to the broker of this silo.</summary>
internal sealed class BrokerGrainService(
    GrainId id, Silo silo, ILoggerFactory loggers, IClusterLearner learner, ClusterProtocol protocol, TimeProvider time)
    : GrainService(id, silo, loggers), IBrokerGrainService
{
    public Task LearnAsync(ImmutableArray<TopicRecord> topics, ClusterRecord? cluster) =>
        learner.LearnAllAsync(topics, cluster, time);

    public Task PingAsync() => Task.CompletedTask;

    public Task<int> ReadProtocolLevelAsync() => Task.FromResult(protocol.Level);
}
