using System.Buffers;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class HeadTests
{
    [Fact]
    public async Task Segments_go_when_nothing_in_them_is_wanted_but_not_while_a_reader_holds_them()
    {
        using var directory = new TemporaryDirectory();
        byte[] expected;
        await using (var store = LogStore.Open(directory.Options))
        {
            var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
            for (int i = 0; i < 300; i++)
                log.Append(store, TestBatches.Create(i, payloadBytes: 5000));
            var held = log.Read(Offset.Zero, log.LogEndOffset, 100_000, atLeastOne: true);

            log.AdvanceLogStart(new Offset(250));
            log.Read(Offset.Zero, log.LogEndOffset, 1, atLeastOne: true).Status.ShouldBe(LogReadStatus.OutOfRange);
            File.Exists(FirstFile(directory)).ShouldBeTrue();
            var output = new ArrayBufferWriter<byte>();
            held.Records!.CopyTo(output);
            output.WrittenSpan[..5000].ToArray().ShouldBe(TestBatches.Create(0, payloadBytes: 5000)[..5000]);

            held.Records.Release();
            await Eventually.IsTrueAsync(() => !File.Exists(FirstFile(directory)));
            expected = log.ReadAll();
            log.SizeBytes.ShouldBe(expected.Length);
        }

        await using var reopened = LogStore.Open(directory.Options);
        var again = reopened.Open(TestBatches.Partition(0), new RecordingObserver());
        again.LogStartOffset.ShouldBe(new Offset(250));
        again.ReadAll().ShouldBe(expected);
    }

    [Fact]
    public async Task A_log_start_beyond_the_end_empties_the_log_which_goes_on_there_even_within_a_batch()
    {
        using var directory = new TemporaryDirectory();
        await using (var store = LogStore.Open(directory.Options))
        {
            var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
            for (int i = 0; i < 10; i++)
                log.Append(store, TestBatches.Create(i));
        }

        byte[] batch = TestBatches.Create(48, records: 5);
        await using (var store = LogStore.Open(directory.Options))
        {
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(0), observer);
            log.AdvanceLogStart(new Offset(50));
            (log.LogStartOffset, log.LogEndOffset, log.SizeBytes).ShouldBe((new Offset(50), new Offset(50), 0));
            log.Append(store, batch);
            observer.WaitDurable(53);
            log.ReadAll().ShouldBe(batch);
            Should.Throw<ArgumentException>(() => log.Append(store, TestBatches.Create(52, records: 5)));
            using var crashed = directory.Copy();
            await ExpectAsync(crashed);
        }

        await ExpectAsync(directory);

        async Task ExpectAsync(TemporaryDirectory left)
        {
            var report = LogVerifier.Verify(left.Path);
            report.IsIntact.ShouldBeTrue();
            report.Losses.ShouldBeEmpty();
            await using var store = LogStore.Open(left.Options);
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(0), observer);
            (log.LogStartOffset, log.LogEndOffset).ShouldBe((new Offset(50), new Offset(53)));
            log.ReadAll().ShouldBe(batch);
            observer.Restored.ShouldNotContain(10);
        }
    }

    [Fact]
    public async Task A_deleted_partition_s_space_comes_back_and_its_name_starts_empty()
    {
        using var directory = new TemporaryDirectory();
        await using (var store = LogStore.Open(directory.Options))
        {
            var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
            for (int i = 0; i < 300; i++)
                log.Append(store, TestBatches.Create(i, payloadBytes: 5000));
            store.Delete(TestBatches.Partition(0));

            Should.Throw<LogStoreException>(() => log.Append(store, TestBatches.Create(300)));
            store.Partitions.ShouldBeEmpty();
            await Eventually.IsTrueAsync(() => !File.Exists(FirstFile(directory)));
            store.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(Offset.Zero);
        }

        await using var reopened = LogStore.Open(directory.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBeEmpty();
    }

    private static string FirstFile(TemporaryDirectory directory) => Path.Combine(directory.Journal, "0000000000.journal");
}
