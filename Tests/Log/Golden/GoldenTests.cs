using System.IO.Compression;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log.Golden;

/// <summary>Data directories as earlier versions left them: every later version reads them.</summary>
public sealed class GoldenTests : IDisposable
{
    /// <summary>Where orders-1 ends, most of which was deleted.</summary>
    public const long BusyEnd = 400;

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Formats => ["format-1"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task All_of_it_is_whole_and_it_holds_all_that_can_stand_in_one(string format)
    {
        await ExtractAsync(format);
        LogVerifier.Verify(_directory.Path).IsIntact.ShouldBeTrue();
        File.Exists(Path.Combine(_directory.Journal, "0000000000.journal")).ShouldBeFalse("the oldest segment was given back");
        Directory.EnumerateFiles(_directory.Journal, "*.index").ShouldNotBeEmpty();
        File.Exists(Path.Combine(_directory.Journal, "lost")).ShouldBeTrue();

        using var files = JournalSurvey.Open(_directory.Path).Files;
        Scan(files, files.Geometry.StartOf(files.List()[0])).Order().ShouldBe(Enum.GetValues<EntryKind>());
        Scan(files, Checkpoint.TryRead(_directory.Journal).ShouldNotBeNull().Until).Order().ShouldBe(
            [EntryKind.Append, EntryKind.Truncate, EntryKind.LogStart, EntryKind.Create, EntryKind.Delete]);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task The_records_are_those_that_were_written(string format)
    {
        await ExtractAsync(format);
        await using var broker = GoldenBroker.Open(_directory.Path);
        ExpectRecords(broker);
        var audit = broker.Find("audit", 0).Partition;
        broker.Store.Partitions.Count.ShouldBe(6);
        broker.Store.DamagedPartitions.ShouldBe([audit]);
        await Eventually.IsTrueAsync(() => broker.Store.UnprovedBytes == 0);
        broker.Store.Damages.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Topics_settings_and_identity_are_those_that_were_given(string format)
    {
        await ExtractAsync(format);
        await using var broker = GoldenBroker.Open(_directory.Path);
        broker.Catalog.Current.Topics.Select(topic => $"{topic.Name} {topic.Partitions.Length}").Order()
            .ShouldBe(["audit 2", "late 1", "orders 3"]);
        var orders = broker.Catalog.Current.Find(new TopicName("orders"))!;
        (orders.Config.RetentionMs, orders.Config.RetentionBytes).ShouldBe((null, 77));
        broker.Catalog.GetOverrides(new ConfigResource(ConfigResourceType.Topic, "audit")).ShouldBe(
            new Dictionary<string, string> { ["cleanup.policy"] = "compact", ["max.message.bytes"] = "100000" });
        broker.Catalog.GetOverrides(new ConfigResource(ConfigResourceType.Broker, "")).ShouldBe(
            new Dictionary<string, string> { ["log.retention.bytes"] = "77" });
        (broker.Identity.ClusterId.Length, broker.Identity.DirectoryId.Length).ShouldBe((22, 22));
        (await broker.ProducerIds.NextAsync(Cancelled)).ShouldBe(new ProducerId(1_000));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Epochs_and_idempotent_producers_go_on_where_they_were(string format)
    {
        await ExtractAsync(format);
        await using var broker = GoldenBroker.Open(_directory.Path);
        Epochs(broker, "orders", 0).ShouldBe([0, 0, 0, 0, 3, 3, 5, 5]);
        Epochs(broker, "orders", 2).ShouldBe([0, 0, 0, 0, 0, 0, 2, 2, 7, 7]);
        broker.Find("orders", 2).EndOfEpoch(new LeaderEpoch(0)).ShouldBe((new LeaderEpoch(0), new Offset(6)));

        broker.Lead("orders", 0, epoch: 8);
        foreach (var sequence in new[] { 0, 2, 4, 6 })
            (await SendAsync(sequence)).BaseOffset.ShouldBe(new Offset(sequence), "it is in the log already");
        (await SendAsync(10)).Error.ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
        (await SendAsync(8)).BaseOffset.ShouldBe(new Offset(8));

        Task<Loire.Broker.Partitions.AppendResult> SendAsync(int sequence) =>
            broker.SendAsync("orders", 0, GoldenBroker.ProducerId, sequence);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task It_is_written_on_and_read_again(string format)
    {
        await ExtractAsync(format);
        await using (var broker = GoldenBroker.Open(_directory.Path))
        {
            broker.Lead("orders", 2, epoch: 9);
            await broker.AppendAsync("orders", 2, batches: 50);
        }

        LogVerifier.Verify(_directory.Path).IsIntact.ShouldBeTrue();
        await using var again = GoldenBroker.Open(_directory.Path);
        ExpectRecords(again, ordersTwoEnd: 110);
    }

    private static void ExpectRecords(GoldenBroker broker, long ordersTwoEnd = 10)
    {
        Expect("orders", 0, GoldenBroker.Records("orders", 0, 0, 8));
        Expect("orders", 1, GoldenBroker.Records("orders", 1, BusyEnd - 2, BusyEnd));
        Expect("orders", 2, GoldenBroker.Records("orders", 2, 0, ordersTwoEnd));
        Expect("audit", 0, GoldenBroker.Records("audit", 0, 0, 2).Concat(GoldenBroker.Records("audit", 0, 4, 6)));
        Expect("audit", 1, GoldenBroker.Records("audit", 1, 0, 80));
        Expect("late", 0, GoldenBroker.Records("late", 0, 0, 2));

        void Expect(string topic, int partition, IEnumerable<TestRecord> records) =>
            broker.ReadAll(topic, partition).ShouldBe(records, $"{topic}-{partition}");
    }

    private static IEnumerable<int> Epochs(GoldenBroker broker, string topic, int partition)
    {
        var replica = broker.Find(topic, partition);
        for (var offset = 0; offset < replica.LogEndOffset.Value; offset++)
            yield return replica.EpochAt(new Offset(offset)).Value;
    }

    private static HashSet<EntryKind> Scan(JournalFiles files, long from)
    {
        var kinds = new HashSet<EntryKind>();
        var scanner = new JournalScanner(files, from, nextSequence: -1);
        while (scanner.MoveNext())
            kinds.Add(scanner.Entry.Kind);
        scanner.End.ShouldBe(ScanEnd.Tail);
        return kinds;
    }

    private async Task ExtractAsync(string format)
    {
        await using var stream = typeof(GoldenTests).Assembly.GetManifestResourceStream(format + ".zip").ShouldNotBeNull(format);
        await using var archive = new ZipArchive(stream);
        await archive.ExtractToDirectoryAsync(_directory.Path, Cancelled);
    }
}
