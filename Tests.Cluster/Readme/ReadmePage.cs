using Loire.Tests.Repo;

namespace Loire.Tests.Cluster.Readme;

/// <summary>What README.md shows.</summary>
internal static class ReadmePage
{
    private const string Fence = "```";

    /// <summary>The blocks of code of a section, in their order.</summary>
    public static string[] Blocks(string section, string language)
    {
        var page = Repository.Read("README.md");
        var start = page.IndexOf($"\n## {section}\n", StringComparison.Ordinal);
        if (start < 0) throw new InvalidOperationException($"README.md has no section '{section}'.");
        var text = page[(start + 1)..];
        if (text.IndexOf("\n## ", StringComparison.Ordinal) is var end and > 0) text = text[..end];
        return [.. text.Split($"{Fence}{language}\n").Skip(1).Select(block => block[..block.IndexOf(Fence, StringComparison.Ordinal)])];
    }
}
