using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Repo;

/// <summary>Style that a machine can check. The limits only ever get tighter.</summary>
public sealed partial class TidyTests
{
    private const int MaxFileLines = 400;
    private const int MaxLineLength = 140;

    [Fact]
    public void No_file_is_longer_than_a_reader_can_hold() =>
        Repository.SourceFiles()
            .Select(file => (file, lines: File.ReadLines(Path.Combine(Repository.Root, file)).Count()))
            .Where(entry => entry.lines > MaxFileLines)
            .Select(entry => $"{entry.file}: {entry.lines} lines")
            .ShouldBeEmpty();

    [Fact]
    public void No_line_is_longer_than_the_screen() =>
        Lines().Where(line => line.Text.Length > MaxLineLength).Select(Place).ShouldBeEmpty();

    [Fact]
    public void No_unfinished_work_is_left_in_the_source() =>
        Lines().Where(line => Unfinished().IsMatch(line.Text)).Select(Place).ShouldBeEmpty();

    [Fact]
    public void No_test_sleeps() =>
        Lines().Where(line => line.File.StartsWith("Tests", StringComparison.Ordinal) && Sleeps().IsMatch(line.Text))
            .Select(Place).ShouldBeEmpty();

    [Fact]
    public void No_exception_is_swallowed_without_a_word() =>
        Repository.SourceFiles()
            .SelectMany(file => EmptyCatch().Matches(Repository.Read(file)).Select(match => $"{file}: {match.Value}"))
            .ShouldBeEmpty();

    private static IEnumerable<(string File, int Number, string Text)> Lines() =>
        from file in Repository.SourceFiles()
        where !file.EndsWith("TidyTests.cs", StringComparison.Ordinal)
        from line in File.ReadLines(Path.Combine(Repository.Root, file)).Select((text, index) => (file, index + 1, text))
        select line;

    private static string Place((string File, int Number, string Text) line) => $"{line.File}:{line.Number}: {line.Text.Trim()}";

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException|#region|#pragma warning disable(?! [A-Z]+[0-9]+ //)")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"Thread\.Sleep|Task\.Delay\((?!Timeout\.Infinite)[^)]")]
    private static partial Regex Sleeps();

    [GeneratedRegex(@"catch(\s*\([^)]*\))?\s*\{\s*\}")]
    private static partial Regex EmptyCatch();
}
