using System.Collections.Frozen;
using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Configs;

/// <summary>The configs a kind of resource has, by name, and why others are refused.</summary>
public sealed class ConfigTable
{
    private readonly string _kind;
    private readonly FrozenDictionary<string, ConfigDefinition> _byName;
    private readonly FrozenDictionary<string, string> _refusals;

    /// <param name="kind">For messages: "topic" or "broker".</param>
    /// <param name="definitions">What is accepted.</param>
    /// <param name="refusals">Kafka's own configs that are refused, with the reason, a full clause.</param>
    public ConfigTable(string kind, IEnumerable<ConfigDefinition> definitions, IEnumerable<KeyValuePair<string, string>> refusals)
    {
        _kind = kind;
        All = [.. definitions.OrderBy(definition => definition.Name, StringComparer.Ordinal)];
        _byName = All.ToFrozenDictionary(definition => definition.Name, StringComparer.Ordinal);
        _refusals = refusals.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>In the order of their names.</summary>
    public ImmutableArray<ConfigDefinition> All { get; }

    public IEnumerable<KeyValuePair<string, string>> Refusals => _refusals.OrderBy(refusal => refusal.Key, StringComparer.Ordinal);

    public ConfigDefinition? Find(string name) => _byName.GetValueOrDefault(name);

    /// <exception cref="KafkaException">INVALID_CONFIG: Loire has no such config; names the nearest one.</exception>
    public ConfigDefinition Get(string name)
    {
        if (_byName.TryGetValue(name, out var definition))
            return definition;
        if (_refusals.TryGetValue(name, out var reason))
            throw new KafkaException(ErrorCode.InvalidConfig, $"The {_kind} config {name} is not supported: {reason}.");
        var shown = name.Length <= 100 ? name : name[..100] + "…";
        var hint = NearestName(name) is { } nearest ? $" Did you mean {nearest}?" : "";
        throw new KafkaException(ErrorCode.InvalidConfig, $"Unknown {_kind} config '{shown}'.{hint}");
    }

    /// <summary>The values in canonical form.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG: names the first config that is unknown or has a bad
    /// value.</exception>
    public ImmutableSortedDictionary<string, string> Normalize(IEnumerable<KeyValuePair<string, string>> values)
    {
        var normalized = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in values)
            normalized[name] = Get(name).Normalize(value);
        return normalized.ToImmutable();
    }

    private string? NearestName(string name)
    {
        if (name.Length is 0 or > 100)
            return null;
        var (nearest, distance) = All
            .Select(definition => (definition.Name, Distance: EditDistance(name, definition.Name)))
            .MinBy(candidate => candidate.Distance);
        return distance <= Math.Max(2, name.Length / 3) ? nearest : null;
    }

    private static int EditDistance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
