using System.Buffers;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>A quiet partition keeps every segment; the space of a busy one's dead batches comes back all the same.</summary>
public sealed class ThinningTests
{
    private const int BusyBatches = 400;
    private const int BusyBytes = 10_000;

    [Fact]
    public async Task What_is_dead_gives_its_space_back_and_what_is_wanted_stays_over_restarts_and_without_indexes()
    {
        using var directory = new TemporaryDirectory();
        byte[] quietBytes, busyBytes;
        await using (var store = LogStore.Open(directory.Options))
        {
            var (quiet, busy) = Fill(store);
            quietBytes = quiet.ReadAll();
            long before = CountBytes(directory);
            var writtenAt = File.GetLastWriteTimeUtc(FileOf(directory, 1));
            busy.AdvanceLogStart(new Offset(BusyBatches - 10));
            await AppendUntilThinnedAsync(store, busy, directory, before / 4);
            File.GetLastWriteTimeUtc(FileOf(directory, 1)).ShouldBe(writtenAt);
            quiet.ReadAll().ShouldBe(quietBytes);
            busyBytes = busy.ReadAll();
        }

        Verify(directory);
        await ExpectAsync(directory, quietBytes, busyBytes);
        foreach (string index in Directory.EnumerateFiles(directory.Journal, "*.index"))
            File.Delete(index);
        await ExpectAsync(directory, quietBytes, busyBytes);
        Verify(directory);
    }

    [Fact]
    public async Task Without_a_checkpoint_nothing_is_missed()
    {
        using var directory = new TemporaryDirectory();
        byte[] quietBytes, busyBytes;
        await using (var store = LogStore.Open(directory.Options))
        {
            var (quiet, busy) = Fill(store);
            long before = CountBytes(directory);
            busy.AdvanceLogStart(new Offset(BusyBatches - 10));
            await AppendUntilThinnedAsync(store, busy, directory, before / 4);
            (quietBytes, busyBytes) = (quiet.ReadAll(), busy.ReadAll());
        }

        File.Delete(Checkpoint.PathIn(directory.Journal));
        Verify(directory);
        await ExpectAsync(directory, quietBytes, busyBytes);
    }

    [Fact]
    public async Task The_batches_of_a_deleted_partition_give_their_space_back()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var (quiet, _) = Fill(store);
        byte[] quietBytes = quiet.ReadAll();
        long before = CountBytes(directory);
        store.Delete(TestBatches.Partition(1));
        await AppendUntilThinnedAsync(store, store.Open(TestBatches.Partition(2), new RecordingObserver()), directory, before / 4);
        quiet.ReadAll().ShouldBe(quietBytes);
    }

    [Fact]
    public async Task Who_began_to_read_before_reads_to_the_end()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var (_, busy) = Fill(store);
        long before = CountBytes(directory);
        byte[] expected = busy.ReadAll()[..(40 * (BusyBytes + 61))];
        var held = busy.Read(Offset.Zero, new Offset(40), int.MaxValue, atLeastOne: true);
        busy.AdvanceLogStart(new Offset(BusyBatches - 10));
        // The first forty lie in the first two or three of some sixteen segments.
        long next = await AppendUntilThinnedAsync(store, busy, directory, before / 2);
        var output = new ArrayBufferWriter<byte>();
        held.Records!.CopyTo(output);
        output.WrittenSpan.SequenceEqual(expected).ShouldBeTrue();
        held.Records.Release();
        await AppendUntilThinnedAsync(store, busy, directory, before / 4, next);
    }

    [Fact]
    public async Task Damage_in_what_was_kept_is_found_and_mended_as_ever()
    {
        using var directory = new TemporaryDirectory();
        await using (var store = LogStore.Open(directory.Options))
        {
            var (_, busy) = Fill(store);
            long before = CountBytes(directory);
            busy.AdvanceLogStart(new Offset(BusyBatches - 10));
            await AppendUntilThinnedAsync(store, busy, directory, before / 4);
        }

        byte[] segment = await File.ReadAllBytesAsync(FileOf(directory, 1), TestContext.Current.CancellationToken);
        byte[] wanted = TestBatches.Create(2)[61..];
        int at = segment.AsSpan().IndexOf(wanted);
        at.ShouldBeGreaterThan(0);
        segment[at + 7] ^= 1;
        await File.WriteAllBytesAsync(FileOf(directory, 1), segment, TestContext.Current.CancellationToken);
        LogVerifier.Verify(directory.Path).Damages.ShouldHaveSingleItem().File.ShouldBe(FileOf(directory, 1));
        var loss = LogRepairer.Repair(directory.Path).Losses.ShouldHaveSingleItem();
        (loss.Partition, loss.From, loss.Until).ShouldBe((TestBatches.Partition(0), new Offset(2), new Offset(3)));
        LogVerifier.Verify(directory.Path).Damages.ShouldBeEmpty();
        await using var mended = LogStore.Open(directory.Options);
        mended.Open(TestBatches.Partition(0), new RecordingObserver()).ReadFrom(new Offset(3)).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task What_a_crash_left_half_made_is_removed()
    {
        using var directory = new TemporaryDirectory();
        await using (var store = LogStore.Open(directory.Options))
            Fill(store);
        string unfinished = FileOf(directory, 1) + ".new";
        await File.WriteAllTextAsync(unfinished, "half made", TestContext.Current.CancellationToken);
        await using var reopened = LogStore.Open(directory.Options);
        File.Exists(unfinished).ShouldBeFalse();
    }

    /// <summary>A small batch of partition 0 among each twenty large ones of partition 1: one or two in a segment.</summary>
    private static (IPartitionLog Quiet, IPartitionLog Busy) Fill(LogStore store)
    {
        var quiet = store.Open(TestBatches.Partition(0), new RecordingObserver());
        var busy = store.Open(TestBatches.Partition(1), new RecordingObserver());
        for (int i = 0; i < BusyBatches; i++)
        {
            if (i % 20 == 0)
                quiet.Append(store, TestBatches.Create(i / 20));
            busy.Append(store, TestBatches.Create(i, payloadBytes: BusyBytes));
        }
        return (quiet, busy);
    }

    /// <summary>Appends what it drops again at once, for checkpoints are taken when segments are full.</summary>
    /// <returns>The log end offset.</returns>
    private static async Task<long> AppendUntilThinnedAsync(
        LogStore store, IPartitionLog log, TemporaryDirectory directory, long wantedBytes, long from = -1)
    {
        long next = from < 0 ? log.LogEndOffset.Value : from;
        await Eventually.IsTrueAsync(() =>
        {
            log.Append(store, TestBatches.Create(next++, payloadBytes: BusyBytes));
            log.AdvanceLogStart(new Offset(next - 5));
            return CountBytes(directory) <= wantedBytes;
        });
        return next;
    }

    private static long CountBytes(TemporaryDirectory directory)
    {
        long count = 0;
        foreach (string path in Directory.EnumerateFiles(directory.Journal, "*.journal"))
        {
            using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            count += NativeFile.CountBytes(file);
        }
        return count;
    }

    private static void Verify(TemporaryDirectory directory)
    {
        var report = LogVerifier.Verify(directory.Path);
        report.Damages.ShouldBeEmpty();
        report.Losses.ShouldBeEmpty();
    }

    private static async Task ExpectAsync(TemporaryDirectory directory, byte[] quiet, byte[] busy)
    {
        await using var store = LogStore.Open(directory.Options);
        store.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(quiet);
        store.Open(TestBatches.Partition(1), new RecordingObserver()).ReadAll().ShouldBe(busy);
        await Eventually.IsTrueAsync(() => store.UnprovedBytes == 0);
        store.Damages.ShouldBeEmpty();
    }

    private static string FileOf(TemporaryDirectory directory, int segment) =>
        Path.Combine(directory.Journal, $"{segment:D10}.journal");
}
