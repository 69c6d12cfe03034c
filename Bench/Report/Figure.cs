using System.Globalization;

namespace Loire.Bench.Report;

/// <summary>One measured number.</summary>
/// <param name="Unit">As printed: MB/s (of 1,000,000 bytes), ms, x for a ratio ...</param>
/// <param name="Aim">What was hoped for; null where the figure only informs.</param>
public sealed record Figure(string Group, string Name, double Value, string Unit, Aim? Aim = null)
{
    public string FormattedValue => Format(Value, Unit);

    public static string Format(double value, string unit)
    {
        var digits = Math.Abs(value) switch
        {
            >= 100 => 0,
            >= 10 => 1,
            >= 0.1 => 2,
            0 => 0,
            _ => 3,
        };
        return value.ToString("N" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) + " " + unit;
    }
}

/// <summary>The bound a figure should keep, itself included.</summary>
public sealed record Aim(AimKind Kind, double Bound)
{
    public static Aim AtLeast(double bound) => new(AimKind.AtLeast, bound);
    public static Aim AtMost(double bound) => new(AimKind.AtMost, bound);

    public bool IsMetBy(double value) => Kind == AimKind.AtLeast ? value >= Bound : value <= Bound;
}

public enum AimKind
{
    AtLeast,
    AtMost,
}
