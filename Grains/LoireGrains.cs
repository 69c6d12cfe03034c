using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Grains.Placement;
using Loire.Grains.Push;
using Loire.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Loire.Grains;

/// <summary>What the grains of a silo need.</summary>
internal static class LoireGrains
{
    /// <summary>Adds the services of the grains. The host adds the broker's: <see cref="IClusterView"/>,
    /// <see cref="IClusterLearner"/> and the ports that the grains ask; and the storage provider
    /// <see cref="LoireStorage.Name"/>.</summary>
    /// <param name="settleAll">Called when the membership has changed: lets the controllers elect where that is
    /// due.</param>
    public static IServiceCollection AddLoireGrains(this IServiceCollection services, Func<IServiceProvider, Task> settleAll)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(new ClusterProtocol(ClusterProtocol.CurrentLevel));
        services.AddSingleton<LiveBrokers>();
        services.AddSingleton<TopicBrokers>();
        services.AddSingleton<BrokerServices>();
        services.AddSingleton<IPusher, Pusher>();
        services.AddSingleton<IClusterControl, OrleansClusterControl>();
        services.AddGrainService<BrokerGrainService>();
        services.AddPlacementDirector<LeaderPlacement, LeaderPlacementDirector>();
        services.AddKeyedSingleton<IGrainStorageSerializer, DocumentSerializer>(LoireStorage.Name);
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => new MembershipWatcher(
            provider.GetRequiredService<IClusterMembershipService>(),
            provider.GetRequiredService<LiveBrokers>(),
            () => settleAll(provider),
            provider.GetRequiredService<ILogger<MembershipWatcher>>()));
        return services;
    }
}
