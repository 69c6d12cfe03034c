using System.Collections.Immutable;

namespace Loire.Broker.Configs;

/// <summary>A config's value in force and where it comes from.</summary>
/// <param name="Value">In canonical form; null where nothing sets it and there is no default.</param>
/// <param name="Synonyms">Everything that sets it, what is in force first: name, value as it was set, source.</param>
public sealed record ConfigValue(
    ConfigDefinition Definition, string? Value, ConfigSource Source, ImmutableArray<ConfigSynonym> Synonyms);

public sealed record ConfigSynonym(string Name, string Value, ConfigSource Source);
