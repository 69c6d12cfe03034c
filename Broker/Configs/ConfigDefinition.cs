using System.Collections.Immutable;
using System.Globalization;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Configs;

/// <summary>One config: a row of <see cref="TopicConfigTable"/> or <see cref="BrokerConfigTable"/>.</summary>
/// <param name="Default">In canonical form; null for none.</param>
/// <param name="Documentation">One line.</param>
public sealed record ConfigDefinition(string Name, ConfigType Type, string? Default, ConfigRule Rule, string Documentation)
{
    public ConfigEffect Effect { get; init; } = ConfigEffect.Honoured;

    /// <summary>Clients may change it on a running broker.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>The broker configs that give the value where this one is not set, the first one first.</summary>
    public ImmutableArray<ConfigFallback> Fallbacks { get; init; } = [];

    public bool IsSensitive => Type == ConfigType.Password;

    /// <summary>The value in canonical form: trimmed, lists joined by commas, booleans in lower case.</summary>
    /// <exception cref="KafkaException">INVALID_CONFIG: the value is not of this type or not allowed.</exception>
    public string Normalize(string value)
    {
        var canonical = Canonical(value.Trim());
        return canonical is not null && Rule.Allows(canonical)
            ? canonical
            : throw new KafkaException(
                ErrorCode.InvalidConfig, $"Invalid value '{Shorten(value)}' for {Name}: expected {Expectation()}.");
    }

    public static string[] SplitList(string value) =>
        value.Length == 0 ? [] : value.Split(',', StringSplitOptions.TrimEntries);

    private string? Canonical(string value) => Type switch
    {
        ConfigType.Boolean => bool.TryParse(value, out var flag) ? (flag ? "true" : "false") : null,
        ConfigType.Int => Integer(value, int.MinValue, int.MaxValue),
        ConfigType.Short => Integer(value, short.MinValue, short.MaxValue),
        ConfigType.Long => Integer(value, long.MinValue, long.MaxValue),
        ConfigType.Double => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) ? number.ToString(CultureInfo.InvariantCulture) : null,
        ConfigType.List => string.Join(',', SplitList(value)),
        _ => value,
    };

    private static string? Integer(string value, long min, long max) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        && number >= min && number <= max
            ? number.ToString(CultureInfo.InvariantCulture)
            : null;

    private string Expectation() => Type switch
    {
        ConfigType.Boolean => Rule == ConfigRule.Any ? "true or false" : Rule.ToString(),
        ConfigType.Int or ConfigType.Short or ConfigType.Long => $"a whole number ({Type.ToString().ToLowerInvariant()}), {Rule}",
        ConfigType.Double => $"a number, {Rule}",
        _ => Rule.ToString(),
    };

    private static string Shorten(string value) => value.Length <= 100 ? value : value[..100] + "…";
}

/// <param name="Factor">What the broker config's value is multiplied by: minutes and hours become milliseconds.</param>
public sealed record ConfigFallback(string Name, long Factor = 1)
{
    /// <summary>Negative values mean "no limit" in every unit.</summary>
    public string Convert(string value)
    {
        if (Factor == 1)
            return value;
        var number = long.Parse(value, CultureInfo.InvariantCulture);
        return (number < 0 ? number : checked(number * Factor)).ToString(CultureInfo.InvariantCulture);
    }
}
