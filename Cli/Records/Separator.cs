using System.CommandLine;

namespace Loire.Cli.Records;

/// <summary>What lies between key and value, as it is written on a command line: a tab is hard to type there.</summary>
internal static class Separator
{
    public const string Tab = "\t";

    public static Option<string?> Option(string description) => new("--key-separator", "-k")
    {
        Description = description + "; \\t is a tab, \\n a line feed, \\\\ a backslash",
        CustomParser = result => Unescape(result.Tokens.Single().Value),
    };

    public static string Unescape(string text) => string.Join('\\', text.Split(@"\\").Select(part => part
        .Replace(@"\t", "\t", StringComparison.Ordinal)
        .Replace(@"\n", "\n", StringComparison.Ordinal)));
}
