using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Readme;

public sealed class ReadmeTests
{
    [Fact]
    public void What_the_readme_shows_from_Orleans_compiles()
    {
        var readme = Repository.Read("README.md");
        var start = readme.IndexOf("## From Orleans", StringComparison.Ordinal);
        start.ShouldBeGreaterThan(0);
        var section = readme[start..];
        section = section[..section.IndexOf("\n## ", 4, StringComparison.Ordinal)];
        var shown = section.Split("```csharp").Skip(1)
            .SelectMany(block => Lines(block[..block.IndexOf("```", StringComparison.Ordinal)])).ToList();
        shown.Count.ShouldBeGreaterThan(10);
        var compiled = Lines(Repository.Read("Tests.Cluster/Client/ReadmeSnippet.cs")).ToHashSet(StringComparer.Ordinal);
        shown.Where(line => !compiled.Contains(line)).ShouldBeEmpty();
    }

    private static IEnumerable<string> Lines(string text) => text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0);
}
