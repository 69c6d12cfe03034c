using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class RecoveryTests
{
    private const int Batches = 6;

    [Fact]
    public async Task A_tail_torn_at_any_byte_of_the_last_entry_ends_at_the_last_whole_one()
    {
        using var crashed = await CrashAsync();
        byte[] whole = await ReadJournalAsync(crashed);
        int end = Array.FindLastIndex(whole, value => value != 0) + 1;
        int start = EntryStarts(whole)[^1];
        var geometry = Geometry(crashed);
        for (int torn = start; torn < end; torn++)
        {
            byte[] bytes = whole.ToArray();
            bytes.AsSpan(torn).Clear();

            var scanner = await ScanAsync(crashed, geometry, bytes);

            scanner.EndAddress.ShouldBe(start, $"torn at byte {torn}");
            scanner.End.ShouldBe(torn == start ? ScanEnd.Tail : ScanEnd.TornTail, $"torn at byte {torn}");
        }
    }

    [Fact]
    public async Task A_bit_flipped_anywhere_is_damage_or_in_the_last_entry_a_torn_tail()
    {
        using var crashed = await CrashAsync();
        byte[] whole = await ReadJournalAsync(crashed);
        var starts = EntryStarts(whole);
        int end = Array.FindLastIndex(whole, value => value != 0) + 1;
        var geometry = Geometry(crashed);
        for (int position = starts[0]; position < end; position++)
        {
            byte[] bytes = whole.ToArray();
            bytes[position] ^= (byte)(1 << (position % 8));

            var scanner = await ScanAsync(crashed, geometry, bytes);

            int entry = starts.Last(start => start <= position);
            int padding = entry + JournalEntry.LengthBytes + BitConverter.ToInt32(whole, entry);
            if (position >= padding)
                continue;
            scanner.EndAddress.ShouldBe(entry, $"flipped at {position}");
            scanner.End.ShouldBe(entry == starts[^1] ? ScanEnd.TornTail : ScanEnd.Damage, $"flipped at {position}");
        }
    }

    [Fact]
    public async Task A_torn_tail_is_cut_off_and_appends_go_on_behind_the_last_whole_entry()
    {
        using var crashed = await CrashAsync();
        byte[] bytes = await ReadJournalAsync(crashed);
        bytes[EntryStarts(bytes)[^1] + 50] ^= 1;
        await WriteJournalAsync(crashed, bytes);

        for (int round = 0; round < 2; round++)
        {
            await using var store = LogStore.Open(Small(crashed));
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(0), observer);
            log.LogEndOffset.ShouldBe(new Offset(Batches - 1 + round));
            log.Append(store, TestBatches.Create(Batches - 1 + round, payloadBytes: 20));
            observer.WaitDurable(Batches + round);
            log.ReadAll().ShouldBe(
                Enumerable.Range(0, Batches + round).SelectMany(i => TestBatches.Create(i, payloadBytes: 20)).ToArray());
        }
    }

    [Fact]
    public async Task Damage_before_acknowledged_entries_is_refused_with_file_and_address_until_it_is_repaired()
    {
        using var crashed = await CrashAsync();
        byte[] bytes = await ReadJournalAsync(crashed);
        int damaged = EntryStarts(bytes)[3];
        bytes[damaged + 60] ^= 1;
        await WriteJournalAsync(crashed, bytes);

        string message = Should.Throw<LogStoreException>(() => LogStore.Open(Small(crashed))).Message;
        message.ShouldContain($"address {damaged} ");
        message.ShouldContain(JournalFile(crashed));
        LogVerifier.Verify(crashed.Path).Damages.ShouldHaveSingleItem().Address.ShouldBe(damaged);

        // Entry 0 creates the partition, entry 3 is the batch at offset 2.
        var loss = new LogLoss(TestBatches.Partition(0), new Offset(2), new Offset(3));
        LogRepairer.Repair(crashed.Path).Losses.ShouldBe([loss]);
        LogVerifier.Verify(crashed.Path).IsIntact.ShouldBeTrue();
        await using (var store = LogStore.Open(Small(crashed)))
        {
            store.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(
                new[] { 0, 1, 3, 4, 5 }.SelectMany(i => TestBatches.Create(i, payloadBytes: 20)).ToArray());
            store.DamagedPartitions.ShouldBe([TestBatches.Partition(0)]);
        }

        await using var reopened = LogStore.Open(Small(crashed));
        reopened.DamagedPartitions.ShouldBe([TestBatches.Partition(0)], "it is remembered until the log is gone");
        reopened.Delete(TestBatches.Partition(0));
        reopened.DamagedPartitions.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_segment_without_its_index_gets_a_new_one()
    {
        using var directory = new TemporaryDirectory();
        byte[] expected;
        await using (var store = LogStore.Open(directory.Options))
            expected = Fill(store, 200, 5000);
        foreach (string index in Directory.EnumerateFiles(directory.Journal, "*.index"))
            File.Delete(index);

        await using var reopened = LogStore.Open(directory.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(expected);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_missing_segment_is_refused_by_name(int segment)
    {
        using var directory = new TemporaryDirectory();
        await using (var store = LogStore.Open(directory.Options))
            Fill(store, 200, 5000);
        string missing = Path.Combine(directory.Journal, $"{segment:D10}.journal");
        File.Delete(missing);

        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options)).Message.ShouldContain(missing);
    }

    [Fact]
    public async Task A_file_far_behind_the_end_is_refused_until_a_repair_removes_it()
    {
        using var directory = new TemporaryDirectory();
        byte[] expected;
        await using (var store = LogStore.Open(directory.Options))
        {
            expected = Fill(store, 200, 5000);

            // Made ahead of need, on a thread of its own: without it that file would be missed before others are found too many.
            string next = Path.Combine(directory.Journal, "0000000005.journal");
            await Eventually.IsTrueAsync(() => File.Exists(next));
        }
        string stray = "";
        for (int segment = 6; segment < 9; segment++)
        {
            stray = Path.Combine(directory.Journal, $"{segment:D10}.journal");
            File.Copy(Path.Combine(directory.Journal, "0000000001.journal"), stray);
        }

        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options)).Message.ShouldContain(stray);
        LogRepairer.Repair(directory.Path).Losses.ShouldBeEmpty();
        LogVerifier.Verify(directory.Path).IsIntact.ShouldBeTrue();
        File.Exists(stray).ShouldBeFalse();
        await using var reopened = LogStore.Open(directory.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(expected);
    }

    [Fact]
    public void A_newer_format_is_refused()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.Journal);
        File.WriteAllText(Path.Combine(directory.Journal, "format"), "loire journal, format 2\n");

        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options)).Message.ShouldContain("newer");
    }

    [Fact]
    public void A_directory_of_something_else_is_refused()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.Journal);
        File.WriteAllText(Path.Combine(directory.Journal, "thesis.txt"), "irreplaceable");

        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options)).Message.ShouldContain("not a Loire journal");
        File.Exists(Path.Combine(directory.Journal, "thesis.txt")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_directory_in_use_is_refused_with_the_owner_s_process_id()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);

        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options)).Message
            .ShouldContain($"process {Environment.ProcessId}");
    }

    [Fact]
    public void A_directory_that_is_not_there_is_not_taken_for_one_in_use()
    {
        using var directory = new TemporaryDirectory();
        string missing = Path.Combine(directory.Path, "missing");

        Should.Throw<LogStoreException>(() => LogVerifier.Verify(missing)).Message
            .ShouldStartWith($"{missing} cannot be the data directory");
        Directory.Exists(missing).ShouldBeFalse();
    }

    /// <summary>A journal with a few durable batches that was never closed.</summary>
    private static async Task<TemporaryDirectory> CrashAsync()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(Small(directory));
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        for (int i = 0; i < Batches; i++)
        {
            log.Append(store, TestBatches.Create(i, payloadBytes: 20));
            observer.WaitDurable(i + 1);
        }
        return directory.Copy();
    }

    private static LogStoreOptions Small(TemporaryDirectory directory) =>
        directory.Options with { SegmentBytes = 1 << 14, MaxBatchBytes = 1 << 10, MemoryBytes = 1 << 14 };

    private static byte[] Fill(LogStore store, int count, int payloadBytes)
    {
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        for (int i = 0; i < count; i++)
            log.Append(store, TestBatches.Create(i, payloadBytes: payloadBytes));
        return log.ReadAll();
    }

    private static async Task<JournalScanner> ScanAsync(TemporaryDirectory directory, JournalGeometry geometry, byte[] journal)
    {
        await WriteJournalAsync(directory, journal);
        using var files = new JournalFiles(directory.Journal, geometry, NullLogger.Instance);
        var scanner = new JournalScanner(files, JournalGeometry.FirstAddress, 0);
        while (scanner.MoveNext())
        {
        }
        return scanner;
    }

    private static JournalGeometry Geometry(TemporaryDirectory directory) =>
        JournalSurvey.Open(directory.Path).Files.Geometry;

    private static Task<byte[]> ReadJournalAsync(TemporaryDirectory directory) =>
        File.ReadAllBytesAsync(JournalFile(directory), TestContext.Current.CancellationToken);

    private static Task WriteJournalAsync(TemporaryDirectory directory, byte[] bytes) =>
        File.WriteAllBytesAsync(JournalFile(directory), bytes, TestContext.Current.CancellationToken);

    private static string JournalFile(TemporaryDirectory directory) => Path.Combine(directory.Journal, "0000000000.journal");

    private static List<int> EntryStarts(byte[] journal)
    {
        var starts = new List<int>();
        int at = (int)JournalGeometry.FirstAddress;
        while (BitConverter.ToInt32(journal, at) is > 0 and var length)
        {
            starts.Add(at);
            at += JournalEntry.LengthBytes + ((length + 3) & ~3);
        }
        return starts;
    }
}
