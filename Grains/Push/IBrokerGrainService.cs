using System.Collections.Immutable;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Orleans.Services;

namespace Loire.Grains.Push;

/// <summary>How controllers reach the broker of each silo.</summary>
[Alias("Loire.IBrokerGrainService")]
internal interface IBrokerGrainService : IGrainService
{
    /// <summary>Returns when this broker's view has taken them in, and if it can when clients find them there.</summary>
    [Alias("LearnAsync"), ResponseTimeout("00:00:03")]
    Task LearnAsync([Immutable] ImmutableArray<TopicRecord> topics, [Immutable] ClusterRecord? cluster);

    /// <summary>Shows that the silo answers.</summary>
    [Alias("PingAsync"), ResponseTimeout("00:00:01")]
    Task PingAsync();

    /// <returns>See <see cref="ClusterProtocol"/>.</returns>
    [Alias("ReadProtocolLevelAsync"), ResponseTimeout("00:00:01")]
    Task<int> ReadProtocolLevelAsync();

    /// <summary>The groups that this broker coordinates.</summary>
    /// <exception cref="LoireException">COORDINATOR_LOAD_IN_PROGRESS: ask again.</exception>
    [Alias("ListGroupsAsync"), ResponseTimeout("00:00:05")]
    Task<ImmutableArray<GroupListing>> ListGroupsAsync();
}

/// <summary>Finds the service of a silo.</summary>
internal sealed class BrokerServices(IServiceProvider services)
    : Orleans.Runtime.Services.GrainServiceClient<IBrokerGrainService>(services)
{
    public IBrokerGrainService Of(SiloAddress silo) => GetGrainService(silo);
}
