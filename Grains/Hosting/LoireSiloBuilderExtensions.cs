using Loire.Cluster;
using Loire.Grains.Storage;
using Loire.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Storage;

namespace Loire.Grains.Hosting;

/// <summary>Makes an Orleans silo a broker.</summary>
public static class LoireSiloBuilderExtensions
{
    /// <summary>Runs a whole broker in this silo, as a member of the cluster that the silo belongs to:
    /// <code>
    /// silo.AddLoire(new LoireSiloOptions { Broker = new BrokerOptions { NodeId = 1, DataDirectory = "data" } });
    /// </code>
    /// The broker starts when the silo is active, and hands its leaderships over before the silo leaves. The silo needs
    /// clustering. Brokers of a cluster share a grain storage of the name <see cref="LoireStorage.Name"/>; where there is none,
    /// the controllers' states are kept in files of the data directory, and a second broker is refused. The silo's name and the
    /// settings of the membership become the broker's; what is configured later wins over the latter.</summary>
    public static ISiloBuilder AddLoire(this ISiloBuilder silo, LoireSiloOptions options)
    {
        silo.Configure<ClusterMembershipOptions>(LoireMembership.Configure);
        var services = silo.Services;
        services.PostConfigure<SiloOptions>(
            settings => settings.SiloName = LiveBrokers.SiloNameOf(new NodeId(options.Broker.NodeId)));
        services.AddLoireGrains(provider => BrokerOf(provider).SettleAllAsync());
        services.TryAddKeyedSingleton<IGrainStorage>(LoireStorage.Name, (provider, name) => new FileGrainStorage(
            Path.GetFullPath(Path.Combine(provider.GetRequiredService<LoireSiloOptions>().Broker.DataDirectory, "control")),
            provider.GetRequiredKeyedService<IGrainStorageSerializer>(name)));
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, FileStorageGuard>();
        services.AddSingleton(options);
        services.AddSingleton<ClusterView>();
        services.AddSingleton<IClusterView>(provider => provider.GetRequiredService<ClusterView>());
        services.AddSingleton<IClusterLearner>(provider => provider.GetRequiredService<ClusterView>());
        services.AddSingleton<LoireBroker>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<LoireBroker>());
        services.AddSingleton(provider => BrokerOf(provider).Partitions);
        services.AddSingleton(provider => BrokerOf(provider).Groups);
        services.AddSingleton(provider => BrokerOf(provider).Catalog);
        return silo;
    }

    private static ClusterBroker BrokerOf(IServiceProvider provider) => provider.GetRequiredService<LoireBroker>().Broker;
}
