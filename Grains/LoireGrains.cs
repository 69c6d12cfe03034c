using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Grains.Push;
using Loire.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Storage;

namespace Loire.Grains;

/// <summary>What the grains of a silo need.</summary>
internal static class LoireGrains
{
    /// <summary>Adds the services of the grains. The host adds the broker's: <see cref="IClusterView"/>,
    /// <see cref="IClusterLearner"/> and the ports that the grains ask; and the storage provider
    /// <see cref="LoireStorage.Name"/>.</summary>
    public static IServiceCollection AddLoireGrains(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<LiveBrokers>();
        services.AddSingleton<TopicBrokers>();
        services.AddSingleton<BrokerServices>();
        services.AddSingleton<IPusher, Pusher>();
        services.AddSingleton<IClusterControl, OrleansClusterControl>();
        services.AddGrainService<BrokerGrainService>();
        services.AddKeyedSingleton<IGrainStorageSerializer, DocumentSerializer>(LoireStorage.Name);
        return services;
    }
}
