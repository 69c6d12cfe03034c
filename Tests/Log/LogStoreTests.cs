using Loire.Log;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class LogStoreTests
{
    [Fact]
    public async Task What_was_appended_is_durable_and_read_back()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);

        byte[] first = TestBatches.Create(0, records: 3);
        byte[] second = TestBatches.Create(3);
        log.Append(store, first);
        log.Append(store, second);
        observer.WaitDurable(4);

        log.LogEndOffset.ShouldBe(new Offset(4));
        log.DurableEndOffset.ShouldBe(new Offset(4));
        log.SizeBytes.ShouldBe(first.Length + second.Length);
        log.ReadAll().ShouldBe([.. first, .. second]);
        log.ReadFrom(new Offset(1)).ShouldBe([.. first, .. second]);
        log.ReadFrom(new Offset(3)).ShouldBe(second);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_appended_is_there_after_a_restart(bool clean)
    {
        using var directory = new TemporaryDirectory();
        var store = LogStore.Open(directory.Options);
        var expected = new List<byte>[3];
        for (int p = 0; p < expected.Length; p++)
        {
            expected[p] = [];
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(p), observer);
            for (int i = 0; i < 100; i++)
            {
                byte[] batch = TestBatches.Create(i, payloadBytes: 5000 + p);
                log.Append(store, batch);
                expected[p].AddRange(batch);
            }
            observer.WaitDurable(100);
        }
        using var crashed = clean ? null : directory.Copy();
        await store.DisposeAsync();

        for (int round = 0; round < 3; round++)
        {
            await using var reopened = LogStore.Open((crashed ?? directory).Options);
            reopened.Partitions.Count.ShouldBe(3);
            for (int p = 0; p < expected.Length; p++)
            {
                var observer = new RecordingObserver();
                var log = reopened.Open(TestBatches.Partition(p), observer);
                log.LogEndOffset.ShouldBe(new Offset(100 + round));
                log.DurableEndOffset.ShouldBe(new Offset(100 + round));
                log.ReadAll().ShouldBe(expected[p]);
                if (clean || round > 0)
                    observer.Replayed.ShouldBeEmpty();
                byte[] more = TestBatches.Create(100 + round);
                log.Append(reopened, more);
                expected[p].AddRange(more);
                observer.WaitDurable(101 + round);
            }
        }
    }
}
