using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Loire.Grains.Push;

/// <summary>Hands what controllers announce to the broker of this silo, and asks it what they want to know.</summary>
/// <param name="services">This service is there before the broker is.</param>
internal sealed class BrokerGrainService(
    GrainId id,
    Silo silo,
    ILoggerFactory loggers,
    IClusterLearner learner,
    ClusterProtocol protocol,
    TimeProvider time,
    IServiceProvider services)
    : GrainService(id, silo, loggers), IBrokerGrainService
{
    public Task LearnAsync(ImmutableArray<TopicRecord> topics, ClusterRecord? cluster) =>
        learner.LearnAllAsync(topics, cluster, time);

    public Task PingAsync() => Task.CompletedTask;

    public Task<int> ReadProtocolLevelAsync() => Task.FromResult(protocol.Level);

    public Task<ImmutableArray<GroupListing>> ListGroupsAsync()
    {
        var listed = ImmutableArray.CreateBuilder<GroupListing>();
        foreach (var coordinator in services.GetRequiredService<IGroupCoordinators>().Local)
        {
            var (error, groups) = coordinator.List();
            if (error is not (ErrorCode.None or ErrorCode.NotCoordinator))
                throw new LoireException((short)error, $"The groups of a broker cannot be listed now: {error}.");
            listed.AddRange(groups.Select(group => new GroupListing(group.Group.Value, group.State.ToString())));
        }

        return Task.FromResult(listed.ToImmutable());
    }
}
