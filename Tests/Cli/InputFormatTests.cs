using System.Text;
using Loire.Cli.Records;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

public sealed class InputFormatTests
{
    [Theory]
    [InlineData(null, false, "a:b", null, "a:b")]
    [InlineData(":", false, "a:b:c", "a", "b:c")]
    [InlineData(":", false, "plain", null, "plain")]
    [InlineData(":", false, ":v", "", "v")]
    [InlineData(":", false, "k:", "k", "")]
    [InlineData(":", true, "k:", "k", null)]
    [InlineData("\t", false, "k\tv", "k", "v")]
    public void A_line_becomes_a_key_and_a_value(string? separator, bool emptyIsNull, string line, string? key, string? value)
    {
        var (foundKey, foundValue) = new LineFormat(separator, emptyIsNull).Split(Encoding.UTF8.GetBytes(line));
        Text(foundKey).ShouldBe(key);
        Text(foundValue).ShouldBe(value);
    }

    [Theory]
    [InlineData(":", ":")]
    [InlineData(@"\t", "\t")]
    [InlineData(@"|\n", "|\n")]
    [InlineData(@"\\t", @"\t")]
    [InlineData(@"\\\t", "\\\t")]
    public void What_is_hard_to_type_in_a_separator_may_be_escaped(string typed, string meant) => Separator.Unescape(typed).ShouldBe(meant);

    [Fact]
    public async Task Lines_end_at_line_feeds_with_or_without_returns()
    {
        var longLine = new string('x', 200_000);
        var input = new MemoryStream(Encoding.UTF8.GetBytes($"one\r\n\ntwo\n{longLine}\nlast"));
        await using var reader = new LineReader(input);
        var lines = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken) is { } line)
            lines.Add(Encoding.UTF8.GetString(line.Span));
        lines.ShouldBe(["one", "", "two", longLine, "last"]);
    }

    [Fact]
    public void Places_in_a_log_are_understood()
    {
        OffsetSpec.TryParse("beginning").ShouldBe(OffsetSpec.Beginning);
        OffsetSpec.TryParse("end").ShouldBe(OffsetSpec.End);
        OffsetSpec.TryParse("42").ShouldBe(new OffsetSpec(new Offset(42), null));
        OffsetSpec.TryParse("1970-01-01T00:00:01Z").ShouldBe(new OffsetSpec(Offset.None, 1000));
        OffsetSpec.Beginning.TimestampMs.ShouldBe(OffsetQueries.Earliest);
        OffsetSpec.TryParse("-10").ShouldBe(OffsetSpec.End with { RecordsBefore = 10 });
        OffsetSpec.TryParse("-10")!.ToString().ShouldBe("-10");
        OffsetSpec.TryParse("--10").ShouldBeNull();
        OffsetSpec.TryParse("soon").ShouldBeNull();
    }

    private static string? Text(ReadOnlyMemory<byte>? bytes) => bytes is { } content ? Encoding.UTF8.GetString(content.Span) : null;
}
