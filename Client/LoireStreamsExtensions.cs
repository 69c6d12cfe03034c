using Loire.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Providers;
using Orleans.Storage;
using Orleans.Streams;

namespace Microsoft.Extensions.Hosting;

/// <summary>Orleans streams over topics.</summary>
public static class LoireStreamsExtensions
{
    // The name of the brokers' grain storage: for a provider of that name Orleans would keep subscriptions there.
    private const string TakenName = "loire";

    // Behind a broker that runs in the same silo, and so stopped before it: delivered positions are still to be kept.
    private const int StartStage = ServiceLifecycleStage.Active + 2;

    /// <summary>Adds a stream provider that delivers the named topics to this cluster's subscribers. Explicit subscriptions
    /// need a grain storage named <c>PubSubStore</c>, as with every provider: without one there are implicit ones only. The
    /// grain that subscribed resumes its subscriptions in <c>OnActivateAsync</c>, for Orleans counts as delivered what finds
    /// no observer.</summary>
    /// <param name="configureProvider">Balancing, pulling agents: what Orleans lets be configured for any provider.</param>
    public static ISiloBuilder AddLoireStreams(
        this ISiloBuilder builder,
        string name,
        Action<LoireStreamOptions> configure,
        Action<ISiloPersistentStreamConfigurator>? configureProvider = null)
    {
        if (name == TakenName)
            throw new ArgumentException($"'{name}' is the name of the brokers' grain storage: choose another one.", nameof(name));
        builder.AddLoireClient();
        AddFormat(builder.Services);
        builder.Services.AddOptions<LoireStreamOptions>(name).Configure(configure);
        builder.Services.AddOptions<StreamPullingAgentOptions>(name).Configure<IOptionsMonitor<LoireStreamOptions>>((agent, all) =>
        {
            agent.MaxEventDeliveryTime = all.Get(name).DeliveryTimeout;
            agent.BatchContainerBatchSize = all.Get(name).BatchSize;
        });
        builder.Services.AddOptions<StreamPubSubOptions>(name).Configure<IServiceProviderIsKeyedService>((pubSub, services) =>
        {
            // Orleans would look for explicit subscribers of every stream there, fail, and deliver to nobody.
            if (!services.IsKeyedService(typeof(IGrainStorage), ProviderConstants.DEFAULT_PUBSUB_PROVIDER_NAME)
                && !services.IsKeyedService(typeof(IGrainStorage), name))
                pubSub.PubSubType = StreamPubSubType.ImplicitOnly;
        });
        builder.AddPersistentStreams(name, LoireAdapterFactory.ForSilo, configurator =>
        {
            configurator.ConfigureLifecycle(lifecycle => lifecycle.Configure(options => options.StartStage = StartStage));
            configureProvider?.Invoke(configurator);
        });
        return builder;
    }

    /// <summary>Adds a stream provider through which an external client writes to streams and subscribes to them; the silos
    /// have one of the same name.</summary>
    public static IClientBuilder AddLoireStreams(
        this IClientBuilder builder, string name, Action<LoireStreamOptions>? configure = null)
    {
        builder.AddLoireClient();
        AddFormat(builder.Services);
        builder.Services.AddOptions<LoireStreamOptions>(name).Configure(configure ?? (_ => { }));
        return builder.AddPersistentStreams(name, LoireAdapterFactory.ForClient, configureStream: null);
    }

    private static void AddFormat(IServiceCollection services) =>
        services.TryAddSingleton<IStreamRecordFormat, OrleansRecordFormat>();
}
