using Loire.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.Hosting;

/// <summary>Registers <see cref="ILoireClient"/>.</summary>
public static class LoireClientExtensions
{
    /// <summary>For a container that has Orleans' <see cref="IGrainFactory"/>, as that of a silo and that of an Orleans
    /// client have.</summary>
    public static IServiceCollection AddLoireClient(this IServiceCollection services)
    {
        services.TryAddSingleton<ILoireClient>(provider => new LoireClient(new ClientContext(
            new LoireGrains(provider.GetRequiredService<IGrainFactory>()),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetService<TimeProvider>() ?? TimeProvider.System)));
        return services;
    }

    /// <inheritdoc cref="AddLoireClient(IServiceCollection)"/>
    public static IClientBuilder AddLoireClient(this IClientBuilder builder)
    {
        builder.Services.AddLoireClient();
        return builder;
    }

    /// <inheritdoc cref="AddLoireClient(IServiceCollection)"/>
    public static ISiloBuilder AddLoireClient(this ISiloBuilder builder)
    {
        builder.Services.AddLoireClient();
        return builder;
    }
}
