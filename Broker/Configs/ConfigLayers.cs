using System.Collections.Immutable;
using System.Globalization;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Configs;

/// <summary>The broker configs of one moment, layer over layer: set on the broker, set on all brokers, from the host's
/// configuration, built in. Immutable; all values are in canonical form.</summary>
public sealed class ConfigLayers
{
    private static readonly ImmutableSortedDictionary<string, string> Nothing =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    private readonly ImmutableSortedDictionary<string, string> _static;
    private readonly ImmutableSortedDictionary<string, string> _dynamicDefault;
    private readonly ImmutableSortedDictionary<string, string> _dynamicBroker;

    private readonly int _batchBytesMax;

    /// <summary>The settings of the many topics that override nothing.</summary>
    private readonly TopicConfig _topicDefaults;

    private ConfigLayers(
        ImmutableSortedDictionary<string, string> fromHost,
        ImmutableSortedDictionary<string, string> dynamicDefault,
        ImmutableSortedDictionary<string, string> dynamicBroker,
        int batchBytesMax)
    {
        _batchBytesMax = batchBytesMax;
        _static = fromHost;
        _dynamicDefault = dynamicDefault;
        _dynamicBroker = dynamicBroker;
        Broker = TypedConfigs.ReadBroker(this);
        _topicDefaults = TypedConfigs.ReadTopic(this, Nothing);
    }

    /// <param name="fromHost">The host's configuration, by config name.</param>
    /// <param name="options">The host's own options, by the config names that show them.</param>
    /// <param name="batchBytesMax">The largest batch that the host's journal takes.</param>
    /// <exception cref="KafkaException">INVALID_CONFIG: names the config that is unknown, has a bad value or is an option
    /// of the host's own.</exception>
    public static ConfigLayers FromHost(
        IEnumerable<KeyValuePair<string, string>> fromHost,
        IEnumerable<KeyValuePair<string, string>>? options = null,
        int batchBytesMax = int.MaxValue)
    {
        var values = BrokerConfigTable.Table.Normalize(fromHost);
        if (values.Keys.FirstOrDefault(name => BrokerConfigTable.Table.Get(name).Effect == ConfigEffect.HostOption) is { } own)
        {
            throw new KafkaException(
                ErrorCode.InvalidConfig, $"The broker config {own} cannot be set: the host has an option of its own for it.");
        }

        var layers = new ConfigLayers(
            values.AddRange(BrokerConfigTable.Table.Normalize(options ?? [])), Nothing, Nothing, batchBytesMax);
        foreach (var (name, value) in values)
            layers.CheckBatchBytes(name, value);
        return layers;
    }

    /// <summary>The settings in force, typed.</summary>
    public BrokerConfig Broker { get; }

    /// <summary>What the host set that has no effect: worth a warning at start.</summary>
    public IEnumerable<ConfigDefinition> SetWithoutEffect =>
        _static.Keys.Select(BrokerConfigTable.Table.Get).Where(definition => definition.Effect == ConfigEffect.ShownOnly);

    public ConfigLayers WithDynamicDefault(ImmutableSortedDictionary<string, string> values) =>
        new(_static, values, _dynamicBroker, _batchBytesMax);

    public ConfigLayers WithDynamicBroker(ImmutableSortedDictionary<string, string> values) =>
        new(_static, _dynamicDefault, values, _batchBytesMax);

    /// <summary>Refuses to promise larger batches than the journal takes. Not a rule of the config's own: hosts differ in
    /// it, and what was set once must not keep one from starting.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG: names the limit.</exception>
    public void CheckBatchBytes(string name, string? value)
    {
        if (name is "max.message.bytes" or "message.max.bytes"
            && int.TryParse(value, CultureInfo.InvariantCulture, out var bytes)
            && bytes > _batchBytesMax)
        {
            throw new KafkaException(
                ErrorCode.InvalidConfig,
                $"Invalid value '{value}' for {name}: this broker's journal takes batches of {_batchBytesMax} bytes at most; " +
                "raise the host's setting BatchBytesMax and start it again.");
        }
    }

    public ConfigValue DescribeBroker(ConfigDefinition definition)
    {
        var synonyms = ImmutableArray.CreateBuilder<ConfigSynonym>();
        var value = Collect(new ConfigFallback(definition.Name), synonyms, null);
        foreach (var fallback in definition.Fallbacks)
            value = Collect(fallback, synonyms, value);
        return new(definition, value, SourceOf(synonyms), synonyms.ToImmutable());
    }

    /// <param name="overrides">What is set on the topic itself.</param>
    public ConfigValue DescribeTopic(ConfigDefinition definition, ImmutableSortedDictionary<string, string> overrides)
    {
        var synonyms = ImmutableArray.CreateBuilder<ConfigSynonym>();
        if (overrides.TryGetValue(definition.Name, out var value))
            synonyms.Add(new(definition.Name, value, ConfigSource.TopicConfig));
        foreach (var fallback in definition.Fallbacks)
            value = Collect(fallback, synonyms, value);
        if (definition.Fallbacks.IsEmpty)
            synonyms.Add(new(definition.Name, definition.Default!, ConfigSource.DefaultConfig));
        return new(definition, value ?? definition.Default, SourceOf(synonyms), synonyms.ToImmutable());
    }

    /// <summary>A topic's settings in force.</summary>
    public TopicConfig ResolveTopic(ImmutableSortedDictionary<string, string> overrides) =>
        overrides.IsEmpty ? _topicDefaults : TypedConfigs.ReadTopic(this, overrides);

    private static ConfigSource SourceOf(ImmutableArray<ConfigSynonym>.Builder synonyms) =>
        synonyms.Count == 0 ? ConfigSource.DefaultConfig : synonyms[0].Source;

    private string? Collect(ConfigFallback config, ImmutableArray<ConfigSynonym>.Builder synonyms, string? value)
    {
        Add(_dynamicBroker.GetValueOrDefault(config.Name), ConfigSource.DynamicBrokerConfig);
        Add(_dynamicDefault.GetValueOrDefault(config.Name), ConfigSource.DynamicDefaultBrokerConfig);
        Add(_static.GetValueOrDefault(config.Name), ConfigSource.StaticBrokerConfig);
        Add(BrokerConfigTable.Table.Get(config.Name).Default, ConfigSource.DefaultConfig);
        return value;

        void Add(string? found, ConfigSource source)
        {
            if (found is null)
                return;
            synonyms.Add(new(config.Name, found, source));
            value ??= config.Convert(found);
        }
    }
}
