using System.Text;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded.Catalog;

public sealed class CatalogFileTests : IDisposable
{
    private readonly string _directory = TestCatalog.NewDirectory();

    private string FilePath => Path.Combine(_directory, CatalogFile.FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Everything_is_there_after_a_restart()
    {
        TopicMetadata orders;
        await using (var catalog = TestCatalog.Open(_directory))
        {
            orders = await catalog.CreateAsync("orders", 3, ("retention.ms", "1000"));
            await catalog.CreateAsync("dropped");
            await catalog.Catalog.CreatePartitionsAsync(orders.Name, 5, null, false, CancellationToken.None);
            await catalog.Catalog.DeleteTopicAsync(
                catalog.Catalog.Current.Find(new TopicName("dropped"))!.Id, CancellationToken.None);
            await catalog.SetAsync(new ConfigResource(ConfigResourceType.Broker, ""), "log.retention.bytes", "77");
        }

        await using var reopened = TestCatalog.Open(_directory);
        var topic = reopened.Catalog.Current.Topics.ShouldHaveSingleItem();
        topic.Id.ShouldBe(orders.Id);
        topic.Partitions.Length.ShouldBe(5);
        topic.Config.RetentionMs.ShouldBe(1000);
        topic.Config.RetentionBytes.ShouldBe(77);
        reopened.Host.Calls.ShouldBe(["apply orders 5 1000"]);
    }

    [Fact]
    public async Task A_file_cut_at_any_byte_holds_the_changes_that_were_whole()
    {
        await using (var catalog = TestCatalog.Open(_directory))
        {
            for (var i = 0; i < 4; i++)
                await catalog.CreateAsync($"topic-{i}", 2);
        }

        var whole = Read();
        var headLength = Array.IndexOf(whole, (byte)'\n') + 1;
        for (var length = headLength; length < whole.Length; length++)
        {
            Write(whole[..length]);
            var expected = whole[..length].Count(value => value == '\n') - 1;
            await using (var catalog = TestCatalog.Open(_directory))
            {
                catalog.Catalog.Current.Topics.Select(topic => topic.Name.Value)
                    .ShouldBe(Enumerable.Range(0, expected).Select(i => $"topic-{i}"));
                await catalog.CreateAsync("after-the-crash");
            }

            await using var again = TestCatalog.Open(_directory);
            again.Catalog.Current.TopicCount.ShouldBe(expected + 1);
        }
    }

    [Fact]
    public async Task A_torn_line_is_dropped_with_one_line_in_the_log()
    {
        await using (var catalog = TestCatalog.Open(_directory))
            await catalog.CreateAsync("kept");
        Append("0badc0de {\"change\":\"topic-cre");
        var logger = new ListLogger();
        await using (var catalog = TestCatalog.Open(_directory, logger))
            catalog.Catalog.Current.TopicCount.ShouldBe(1);
        logger.Lines.ShouldHaveSingleItem().ShouldContain("line 3");
    }

    [Fact]
    public async Task Zeros_that_a_power_failure_left_behind_are_dropped()
    {
        await using (var catalog = TestCatalog.Open(_directory))
            await catalog.CreateAsync("kept");
        Append(new string('\0', 300));
        await using var reopened = TestCatalog.Open(_directory);
        reopened.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Fact]
    public async Task A_flipped_bit_in_any_line_refuses_the_start_and_names_the_line()
    {
        await using (var catalog = TestCatalog.Open(_directory))
        {
            for (var i = 0; i < 3; i++)
                await catalog.CreateAsync($"topic-{i}");
        }

        var whole = Read();
        for (var position = 0; position < whole.Length - 1; position++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[position] ^= 0x04;
            if (whole[position] == '\n' || damaged[position] == '\n')
                continue;
            Write(damaged);
            var line = whole[..position].Count(value => value == '\n') + 1;
            var fault = Should.Throw<DataDirectoryException>(() => CatalogFile.Open(_directory, TestCatalog.Empty(), NullLogger.Instance));
            fault.Message.ShouldContain($"{FilePath} line {line} is damaged");
        }
    }

    [Fact]
    public void A_newer_format_is_refused()
    {
        WriteLines("""{"format":2}""");
        Should.Throw<DataDirectoryException>(() => CatalogFile.Open(_directory, TestCatalog.Empty(), NullLogger.Instance))
            .Message.ShouldContain("has format 2");
    }

    [Theory]
    [InlineData("""{"change":"topic-renamed"}""")]
    [InlineData("""{"change":"topic-deleted","id":"11111111-1111-1111-1111-111111111111"}""")]
    [InlineData("""{"change":"topic-deleted"}""")]
    [InlineData("""{"change":"configs-set","type":4,"resource":"","configs":{"no.such.config":"1"}}""")]
    [InlineData("""{"change":"topic-created","name":"a","id":"11111111-1111-1111-1111-111111111111","partitions":0,"configs":{}}""")]
    [InlineData("null")]
    public void A_line_that_makes_no_sense_is_damage(string json)
    {
        WriteLines("""{"format":1}""", json);
        Should.Throw<DataDirectoryException>(() => CatalogFile.Open(_directory, TestCatalog.Empty(), NullLogger.Instance))
            .Message.ShouldContain("line 2 is damaged");
    }

    [Fact]
    public void A_missing_file_is_refused_and_not_taken_for_no_topics()
    {
        DirectoryIdentity.Open(_directory, TestCatalog.Node);
        File.Delete(FilePath);
        Should.Throw<DataDirectoryException>(() => TestCatalog.Open(_directory)).Message.ShouldContain("is missing");
    }

    [Fact]
    public async Task The_file_is_written_anew_when_most_of_it_no_longer_matters()
    {
        await using (var catalog = TestCatalog.Open(_directory))
        {
            var topic = await catalog.CreateAsync("kept", 3);
            var resource = new ConfigResource(ConfigResourceType.Topic, "kept");
            for (var i = 0; i < 2_500; i++)
                await catalog.SetAsync(resource, "retention.ms", i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Read().Count(value => value == '\n').ShouldBeLessThan(1_100);
            topic.Partitions.Length.ShouldBe(3);
        }

        File.Exists(FilePath + ".new").ShouldBeFalse();
        await using var reopened = TestCatalog.Open(_directory);
        var kept = reopened.Catalog.Current.Topics.ShouldHaveSingleItem();
        kept.Config.RetentionMs.ShouldBe(2_499);
        kept.Partitions.Length.ShouldBe(3);
    }

    [Fact]
    public async Task What_a_crash_left_of_writing_anew_does_no_harm()
    {
        await using (var catalog = TestCatalog.Open(_directory))
            await catalog.CreateAsync("kept");
        Write("half of a li"u8.ToArray(), ".new");
        await using var reopened = TestCatalog.Open(_directory);
        reopened.Catalog.Current.TopicCount.ShouldBe(1);
    }

    private byte[] Read() => File.ReadAllBytes(FilePath);

    private void Write(byte[] bytes, string suffix = "") => File.WriteAllBytes(FilePath + suffix, bytes);

    private void Append(string text) => File.AppendAllText(FilePath, text);

    private void WriteLines(params string[] lines)
    {
        using var file = File.Create(FilePath);
        foreach (var line in lines)
        {
            var checksum = Crc32C.Compute(Encoding.UTF8.GetBytes(line));
            file.Write(Encoding.UTF8.GetBytes($"{checksum:x8} {line}\n"));
        }
    }

    private sealed class ListLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
