using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>Writes that were torn behind a stretch of the journal in which no entry stands.</summary>
public sealed class GapTests
{
    private const int BatchBytes = 12_000;

    [Fact]
    public async Task The_first_write_after_a_restart_may_be_torn()
    {
        using var directory = new TemporaryDirectory();
        using var crashed = await AppendAsync(directory, [100]);
        using var torn = await AppendAsync(crashed, [BatchBytes]);
        await ClearAsync(torn, JournalGeometry.FirstAddress + (3 * JournalGeometry.SectorBytes));

        LogVerifier.Verify(torn.Path).Damages.ShouldBeEmpty();
        await using var store = LogStore.Open(torn.Options);
        store.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task The_first_write_of_a_page_may_be_torn_and_what_was_written_with_it_whole()
    {
        using var directory = new TemporaryDirectory();
        HeldFiles files = null!;
        using var held = new ManualResetEventSlim();
        var options = directory.Options with
        {
            CreateFiles = (path, geometry, logger) => files = new HeldFiles(path, geometry, logger, held),
        };
        await using var store = LogStore.Open(options);
        var observer = new RecordingObserver();
        var log = (PartitionLog)store.Open(TestBatches.Partition(0), observer);
        int whole = 0;
        long page = files.Geometry.PageBytes;
        while (log.Journal.TailAddress + JournalEntry.AllocatedBytes(RecordBatchHeader.SizeBytes + BatchBytes) <= page)
            log.Append(store, TestBatches.Create(whole++, payloadBytes: BatchBytes));
        observer.WaitDurable(whole);

        // The page is left early; what goes to the next waits until all before it is on the disk.
        log.Append(store, TestBatches.Create(whole, payloadBytes: BatchBytes));
        await Eventually.IsTrueAsync(() => log.Journal.DurableUntil == page);
        for (int i = 1; i <= 4; i++)
            log.Append(store, TestBatches.Create(whole + i, payloadBytes: 100));
        held.Set();
        observer.WaitDurable(whole + 5);
        using var torn = directory.Copy();
        await ClearAsync(torn, page + JournalGeometry.SectorBytes, JournalGeometry.SectorBytes);

        LogVerifier.Verify(torn.Path).Damages.ShouldBeEmpty();
        await using var reopened = LogStore.Open(torn.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(new Offset(whole));
    }

    /// <summary>What a crash leaves once batches of these sizes are durable.</summary>
    private static async Task<TemporaryDirectory> AppendAsync(TemporaryDirectory directory, int[] sizes)
    {
        await using var store = LogStore.Open(directory.Options);
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        foreach (int size in sizes)
            log.Append(store, TestBatches.Create(log.LogEndOffset.Value, payloadBytes: size));
        observer.WaitDurable(log.LogEndOffset.Value);
        return directory.Copy();
    }

    /// <summary>Makes what a write did not get to zeros.</summary>
    private static async Task ClearAsync(TemporaryDirectory directory, long from, int sizeBytes = int.MaxValue)
    {
        string file = Path.Combine(directory.Journal, "0000000000.journal");
        byte[] bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        bytes.AsSpan((int)from, (int)Math.Min(sizeBytes, bytes.Length - from)).Clear();
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
    }

    /// <summary>Holds writes to all pages but the first.</summary>
    private sealed class HeldFiles(string directory, JournalGeometry geometry, ILogger logger, ManualResetEventSlim until)
        : JournalFiles(directory, geometry, logger)
    {
        public override void Write(int segment, long offset, ReadOnlySpan<byte> bytes)
        {
            if (offset >= Geometry.PageBytes)
                until.Wait(Eventually.Patience);
            base.Write(segment, offset, bytes);
        }
    }
}
