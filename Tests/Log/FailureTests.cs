using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class FailureTests
{
    [Fact]
    public async Task A_failed_write_stops_appends_and_leaves_what_was_acknowledged_readable()
    {
        using var directory = new TemporaryDirectory();
        FaultyFiles files = null!;
        await using var store = LogStore.Open(Options(directory, created => files = created));
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        log.Append(store, TestBatches.Create(0));
        observer.WaitDurable(1);

        files.FailWrites = true;
        log.Append(store, TestBatches.Create(1));
        observer.WaitFailed();

        store.Failure.ShouldNotBeNull().Message.ShouldContain("broken disk");
        await store.Failed.WaitCancelledAsync();
        Should.Throw<LogStoreException>(() => log.Append(store, TestBatches.Create(2)));
        log.DurableEndOffset.ShouldBe(new Offset(1));
        log.ReadAll()[..TestBatches.Create(0).Length].ShouldBe(TestBatches.Create(0));
        await store.WaitForSpaceAsync(CancellationToken.None);

        using var left = directory.Copy();
        await using var reopened = LogStore.Open(left.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(TestBatches.Create(0));
    }

    [Fact]
    public async Task A_full_disk_stops_appends_when_the_claimed_space_is_used_and_loses_nothing_and_a_start_serves_reads()
    {
        using var directory = new TemporaryDirectory();
        FaultyFiles files = null!;
        var acknowledged = new List<byte>();
        await using (var store = LogStore.Open(Options(directory, created => files = created)))
        {
            files.FailAllocations = true;
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(0), observer);
            var failure = Should.Throw<LogStoreException>(() =>
            {
                for (int i = 0; i < 10_000; i++)
                {
                    byte[] batch = TestBatches.Create(i, payloadBytes: 4000);
                    log.Append(store, batch);
                    observer.WaitDurable(i + 1);
                    acknowledged.AddRange(batch);
                }
            });
            failure.Message.ShouldContain("No space");
            failure.Message.ShouldContain(directory.Path);
            acknowledged.Count.ShouldBeGreaterThan(100_000);
            log.ReadAll().ShouldBe(acknowledged);
        }

        // The last file is full, so that a start needs another one.
        await using (var full = LogStore.Open(Options(directory, created => created.FailAllocations = true)))
        {
            var observer = new RecordingObserver();
            var log = full.Open(TestBatches.Partition(0), observer);
            observer.WaitFailed();
            full.Failure.ShouldNotBeNull().Message.ShouldContain("No space");
            Should.Throw<LogStoreException>(() => log.Append(full, TestBatches.Create(log.LogEndOffset.Value)));
            log.ReadAll().ShouldBe(acknowledged);
        }

        await using var reopened = LogStore.Open(directory.Options);
        var mended = new RecordingObserver();
        var again = reopened.Open(TestBatches.Partition(0), mended);
        again.ReadAll().ShouldBe(acknowledged);
        again.Append(reopened, TestBatches.Create(again.LogEndOffset.Value));
        mended.WaitDurable(again.LogEndOffset.Value);
    }

    private static LogStoreOptions Options(TemporaryDirectory directory, Action<FaultyFiles> created) =>
        directory.Options with
        {
            CreateFiles = (path, geometry, logger) =>
            {
                var files = new FaultyFiles(path, geometry, logger);
                created(files);
                return files;
            },
        };

    private sealed class FaultyFiles(string directory, JournalGeometry geometry, ILogger logger)
        : JournalFiles(directory, geometry, logger)
    {
        public volatile bool FailWrites;
        public volatile bool FailAllocations;

        public override void Allocate(int segment)
        {
            if (FailAllocations)
                throw new IOException("full disk");
            base.Allocate(segment);
        }

        public override void Write(int segment, long offset, ReadOnlySpan<byte> bytes)
        {
            if (FailWrites)
                throw new IOException("broken disk");
            base.Write(segment, offset, bytes);
        }
    }
}

internal static class CancellationTokenExtensions
{
    public static async Task WaitCancelledAsync(this CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(Eventually.Patience, CancellationToken.None);
    }
}
