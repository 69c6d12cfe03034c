using System.Globalization;
using Loire.Broker.Ports;

namespace Loire.Broker.Configs;

/// <summary>Which values of a config's type are allowed. Its text says so to people.</summary>
public abstract record ConfigRule
{
    public static readonly ConfigRule Any = new AnyRule();

    public static ConfigRule AtLeast(decimal min) => new RangeRule(min, null);
    public static ConfigRule Between(decimal min, decimal max) => new RangeRule(min, max);
    public static ConfigRule OneOf(params string[] values) => new OneOfRule(values);
    public static ConfigRule EachOf(params string[] values) => new EachOfRule(values);

    /// <summary>As <see cref="ThrottledReplicas"/> are written.</summary>
    public static readonly ConfigRule Replicas = new ReplicasRule();

    /// <param name="value">In the canonical form of its type.</param>
    public abstract bool Allows(string value);

    public ConfigRule Or(string exception) => new OrRule(this, exception);

    private sealed record AnyRule : ConfigRule
    {
        public override bool Allows(string value) => true;
        public override string ToString() => "any value";
    }

    private sealed record RangeRule(decimal Min, decimal? Max) : ConfigRule
    {
        public override bool Allows(string value) =>
            decimal.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && number >= Min && (Max is null || number <= Max);

        public override string ToString() => Max is null
            ? string.Create(CultureInfo.InvariantCulture, $"{Min} or more")
            : string.Create(CultureInfo.InvariantCulture, $"{Min} to {Max}");
    }

    private sealed record OneOfRule(string[] Values) : ConfigRule
    {
        public override bool Allows(string value) => Values.Contains(value, StringComparer.Ordinal);
        public override string ToString() => Values.Length == 1 ? "only " + Values[0] : "one of " + string.Join(", ", Values);
    }

    private sealed record EachOfRule(string[] Values) : ConfigRule
    {
        public override bool Allows(string value) =>
            ConfigDefinition.SplitList(value).All(item => Values.Contains(item, StringComparer.Ordinal));

        public override string ToString() => "a list of " + string.Join(", ", Values);
    }

    private sealed record ReplicasRule : ConfigRule
    {
        public override bool Allows(string value) => ThrottledReplicas.TryParse(ConfigDefinition.SplitList(value)) is not null;
        public override string ToString() => "* or a list of partition:broker";
    }

    private sealed record OrRule(ConfigRule Rule, string Exception) : ConfigRule
    {
        public override bool Allows(string value) => Rule.Allows(value) || string.Equals(value, Exception, StringComparison.Ordinal);
        public override string ToString() => $"{Rule}, or {Exception}";
    }
}
