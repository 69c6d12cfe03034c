using System.Globalization;

namespace Loire.Protocol.Generator;

/// <summary>Versions from one to another, both included; empty where <see cref="To"/> is the lower.</summary>
internal readonly record struct VersionRange(int From, int To)
{
    public static readonly VersionRange None = new(0, -1);

    public bool IsEmpty => To < From;

    /// <summary>Reads "3", "0-12", "9+" or "none".</summary>
    public static VersionRange Parse(string text)
    {
        if (text == "none") return None;
        if (text.EndsWith('+')) return new(Number(text[..^1]), short.MaxValue);
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        return dash < 0 ? new(Number(text), Number(text)) : new(Number(text[..dash]), Number(text[(dash + 1)..]));
    }

    public VersionRange Intersect(VersionRange other)
    {
        VersionRange both = new(Math.Max(From, other.From), Math.Min(To, other.To));
        return both.IsEmpty ? None : both;
    }

    public bool Contains(int version) => version >= From && version <= To;

    public bool Contains(VersionRange other) => other.IsEmpty || (Contains(other.From) && Contains(other.To));

    /// <summary>A C# condition on <c>version</c> that tells this range from the rest of <paramref name="known"/>:
    /// "true" or "false" where there is nothing to tell.</summary>
    public string Condition(VersionRange known)
    {
        VersionRange here = Intersect(known);
        if (here.IsEmpty) return "false";
        return (here.From > known.From, here.To < known.To) switch
        {
            (false, false) => "true",
            (true, false) => $"version >= {here.From}",
            (false, true) => $"version <= {here.To}",
            (true, true) => here.From == here.To ? $"version == {here.From}" : $"version is >= {here.From} and <= {here.To}",
        };
    }

    public override string ToString() => To == short.MaxValue ? $"{From}+" : From == To ? $"{From}" : $"{From}-{To}";

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
