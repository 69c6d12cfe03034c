using System.Collections.Immutable;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>What a <see cref="LoireTestCluster"/> is to be.</summary>
internal sealed record LoireTestClusterOptions
{
    public LoireTestClusterOptions(int brokers = 3, params (string Name, string Value)[] settings)
    {
        Racks = [.. new string?[brokers]];
        Settings = settings.ToImmutableDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
    }

    /// <summary>The rack of each broker.</summary>
    public ImmutableArray<string?> Racks { get; init; }

    /// <summary>Broker configs by Kafka's names, over those that fit most tests.</summary>
    public ImmutableDictionary<string, string> Settings { get; init; }

    /// <summary>What each silo has beside a broker.</summary>
    public Action<ISiloBuilder> ConfigureSilo { get; init; } = _ => { };

    /// <summary>What the Orleans client has beside ours.</summary>
    public Action<IClientBuilder> ConfigureClient { get; init; } = _ => { };
}
