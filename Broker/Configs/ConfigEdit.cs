using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Configs;

/// <summary>One operation of an IncrementalAlterConfigs request (KIP-339).</summary>
/// <param name="Value">Null for <see cref="ConfigOperation.Delete"/> only.</param>
public readonly record struct ConfigEdit(string Name, ConfigOperation Operation, string? Value)
{
    /// <summary>The overrides after this edit. Appending to and subtracting from a list that is not set starts from its
    /// default, as Kafka does.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG or INVALID_REQUEST.</exception>
    public ImmutableSortedDictionary<string, string> Apply(
        ImmutableSortedDictionary<string, string> overrides, ConfigTable table)
    {
        var definition = table.Get(Name);
        if (Operation == ConfigOperation.Delete)
            return overrides.Remove(Name);
        if (Value is null)
            throw new KafkaException(ErrorCode.InvalidRequest, $"Null value not supported for {Name}.");
        if (Operation == ConfigOperation.Set)
            return overrides.SetItem(Name, Value);
        if (definition.Type != ConfigType.List)
        {
            throw new KafkaException(
                ErrorCode.InvalidConfig, $"{Operation} is for lists only, and {Name} is a {definition.Type}: use Set.");
        }

        var items = ConfigDefinition.SplitList(overrides.GetValueOrDefault(Name) ?? definition.Default ?? "");
        var edited = ConfigDefinition.SplitList(Value);
        return overrides.SetItem(Name, string.Join(',', Operation == ConfigOperation.Append
            ? items.Union(edited, StringComparer.Ordinal)
            : items.Except(edited, StringComparer.Ordinal)));
    }
}
