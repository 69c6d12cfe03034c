using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class ScrubTests
{
    private const int Batches = 200;
    private const int BatchBytes = 5000;

    [Fact]
    public async Task A_bit_flipped_long_ago_is_found_after_the_start_and_all_else_is_served()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory);
        string damaged = Path.Combine(directory.Journal, "0000000001.journal");
        await FlipAsync(damaged, 100_000);
        var expected = LogVerifier.Verify(directory.Path).Damages.ShouldHaveSingleItem();

        await using var store = LogStore.Open(directory.Options);
        store.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(new Offset(Batches));
        await ScrubbedAsync(store);

        store.Damages.ShouldBe([expected]);
        store.DamagedPartitions.ShouldBe([TestBatches.Partition(0)]);
        expected.File.ShouldBe(damaged);
        expected.FileOffset.ShouldBeInRange(100_000 - BatchBytes - 200, 100_000);
    }

    [Fact]
    public async Task What_is_known_to_be_damaged_is_not_served_and_what_lies_before_and_behind_is()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory);
        await FlipAsync(Path.Combine(directory.Journal, "0000000001.journal"), 100_000);
        var loss = LogVerifier.Verify(directory.Path).Losses.ShouldHaveSingleItem();

        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        await ScrubbedAsync(store);

        var before = log.Read(new Offset(loss.From.Value - 2), log.LogEndOffset, int.MaxValue, atLeastOne: true);
        before.NextOffset.ShouldBe(loss.From);
        before.Records.ShouldNotBeNull().Release();
        log.Read(loss.From, log.LogEndOffset, int.MaxValue, atLeastOne: true).ShouldBe(
            new LogRead(LogReadStatus.Damaged, null, loss.From));
        var behind = log.Read(loss.Until, log.LogEndOffset, int.MaxValue, atLeastOne: true);
        (behind.Status, behind.NextOffset).ShouldBe((LogReadStatus.Ok, log.LogEndOffset));
        behind.Records.ShouldNotBeNull().Release();

        // What comes in its place is whole.
        log.TruncateTo(loss.From);
        log.Append(store, TestBatches.Create(loss.From.Value));
        log.ReadFrom(loss.From).ShouldBe(TestBatches.Create(loss.From.Value));
    }

    [Fact]
    public async Task A_bit_flipped_in_an_index_s_entries_is_found_after_the_start()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory);
        string damaged = Path.Combine(directory.Journal, "0000000001.index");
        await FlipAsync(damaged, new FileInfo(damaged).Length - 10);

        await using var store = LogStore.Open(directory.Options);
        await ScrubbedAsync(store);

        store.Damages.ShouldHaveSingleItem().File.ShouldBe(damaged);
        store.DamagedPartitions.ShouldBeEmpty("the index is made anew from its segment");
    }

    [Fact]
    public async Task Segments_that_go_away_meanwhile_are_no_damage()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory);

        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        log.AdvanceLogStart(new Offset(Batches - 1));
        await ScrubbedAsync(store);

        store.Damages.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_index_file_that_was_cut_short_behind_its_mapping_is_no_more_than_damaged()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory);
        string path = Path.Combine(directory.Journal, "0000000001.index");

        using var index = SegmentIndexFile.TryOpen(path, 1).ShouldNotBeNull();
        using (var file = new FileStream(path, FileMode.Open))
            file.SetLength(64);

        index.AreEntriesIntact().ShouldBeFalse();
        SegmentIndexFile.TryOpen(path, 1).ShouldBeNull();
    }

    private static async Task FillAsync(TemporaryDirectory directory)
    {
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        for (int i = 0; i < Batches; i++)
            log.Append(store, TestBatches.Create(i, payloadBytes: BatchBytes));
    }

    private static async Task FlipAsync(string file, long position)
    {
        byte[] bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        bytes[position] ^= 4;
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
    }

    private static Task ScrubbedAsync(LogStore store) => Eventually.IsTrueAsync(
        () => store.UnprovedBytes == 0, state: () => $"{store.UnprovedBytes} bytes are left to prove");
}
