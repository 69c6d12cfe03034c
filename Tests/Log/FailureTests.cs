using System.Buffers;
using System.Collections.Concurrent;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
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
        var changes = WatchFailures(store);
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        log.Append(store, TestBatches.Create(0));
        observer.WaitDurable(1);

        files.FailWrites = true;
        log.Append(store, TestBatches.Create(1));
        observer.WaitFailed();

        store.Failure.ShouldNotBeNull().Message.ShouldContain("broken disk");
        await Eventually.IsTrueAsync(() => changes.SequenceEqual([true]));
        Should.Throw<LogStoreException>(() => log.Append(store, TestBatches.Create(2)));
        log.DurableEndOffset.ShouldBe(new Offset(1));
        log.ReadAll()[..TestBatches.Create(0).Length].ShouldBe(TestBatches.Create(0));
        await store.WaitForSpaceAsync(CancellationToken.None);

        using var left = directory.Copy();
        await using var reopened = LogStore.Open(left.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(TestBatches.Create(0));
    }

    [Fact]
    public async Task A_full_disk_refuses_batches_when_the_claimed_space_is_used_and_loses_nothing_and_a_start_serves_reads()
    {
        using var directory = new TemporaryDirectory();
        var acknowledged = new List<byte>();
        await using (var store = LogStore.Open(Options(directory, created => created.FailAllocationsFrom = 2)))
        {
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

        await using (var full = LogStore.Open(Options(directory, created => created.FailAllocationsFrom = 2)))
        {
            var log = full.Open(TestBatches.Partition(0), new RecordingObserver());
            Should.Throw<LogStoreException>(() => log.Append(full, TestBatches.Create(log.LogEndOffset.Value, payloadBytes: 4000)));
            full.Failure.ShouldNotBeNull().Message.ShouldContain("No space");
            log.ReadAll().ShouldBe(acknowledged);
        }

        // Not even the file that it would go on with can be had.
        await using (var readOnly = LogStore.Open(Options(directory, created => created.FailAllocationsFrom = 0)))
        {
            var observer = new RecordingObserver();
            var log = readOnly.Open(TestBatches.Partition(0), observer);
            observer.WaitFailed();
            readOnly.Failure.ShouldNotBeNull().Message.ShouldContain("No space");
            Should.Throw<LogStoreException>(() => log.Append(readOnly, TestBatches.Create(log.LogEndOffset.Value)));
            log.ReadAll().ShouldBe(acknowledged);
        }

        await using var reopened = LogStore.Open(directory.Options);
        var mended = new RecordingObserver();
        var again = reopened.Open(TestBatches.Partition(0), mended);
        again.ReadAll().ShouldBe(acknowledged);
        again.Append(reopened, TestBatches.Create(again.LogEndOffset.Value));
        mended.WaitDurable(again.LogEndOffset.Value);
    }

    [Fact]
    public async Task On_a_full_disk_deletions_are_taken_and_batches_are_again_once_there_is_room()
    {
        using var directory = new TemporaryDirectory();
        FaultyFiles files = null!;
        await using var store = LogStore.Open(Options(directory, created => (files = created).FailAllocationsFrom = 2));
        var changes = WatchFailures(store);
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        Should.Throw<LogStoreException>(() =>
        {
            for (int i = 0; i < 10_000; i++)
                log.Append(store, TestBatches.Create(i, payloadBytes: 4000));
        });
        store.Failure.ShouldNotBeNull();

        log.AdvanceLogStart(log.LogEndOffset);
        store.Open(TestBatches.Partition(1), new RecordingObserver());
        store.Delete(TestBatches.Partition(1));
        await Eventually.IsTrueAsync(() => !File.Exists(files.PathOf(0)));
        store.Failure.ShouldNotBeNull();

        files.FailAllocationsFrom = int.MaxValue;
        await Eventually.IsTrueAsync(() => store.Failure is null);
        long end = log.LogEndOffset.Value;
        log.Append(store, TestBatches.Create(end, payloadBytes: 4000));
        observer.WaitDurable(end + 1);
        observer.Failure.ShouldBeNull();
        await Eventually.IsTrueAsync(() => changes.SequenceEqual([true, false]));
    }

    [Fact]
    public async Task A_disk_that_was_full_for_a_while_stops_nothing_where_there_is_room_again_when_it_is_needed()
    {
        using var directory = new TemporaryDirectory();
        FaultyFiles files = null!;
        var options = Options(directory, created => (files = created).FailAllocationsFrom = 1);
        await using var store = LogStore.Open(options);
        var observer = new RecordingObserver();
        var log = store.Open(TestBatches.Partition(0), observer);
        await Eventually.IsTrueAsync(() => files.FailedAllocations > 0);

        files.FailAllocationsFrom = int.MaxValue;
        for (int i = 0; i < 100; i++)
            log.Append(store, TestBatches.Create(i, payloadBytes: 5000));
        observer.WaitDurable(100);

        store.Failure.ShouldBeNull();
        File.Exists(files.PathOf(1)).ShouldBeTrue("more than one file was filled");
    }

    [Fact]
    public async Task Room_in_memory_is_told_of_before_partitions_are_who_may_wait_for_a_lock_whose_holder_waits_for_room()
    {
        using var directory = new TemporaryDirectory();
        FaultyFiles files = null!;
        var options = Options(directory, created => files = created) with { SegmentBytes = 1 << 20 };
        await using var store = LogStore.Open(options);
        var replicaLock = new object();
        using var held = new ManualResetEventSlim();
        files.HoldNextWrite(held);
        var log = store.Open(TestBatches.Partition(0), new LockingObserver(replicaLock));

        // All that is appended waits for the partition's creation to be on the disk, and is told of at once.
        var holder = new Thread(() =>
        {
            lock (replicaLock)
            {
                long end = 0;
                while (TryAppend(log, TestBatches.Create(end, payloadBytes: 5000)))
                    end++;
                log.AdvanceLogStart(new Offset(1));
            }
        });
        holder.Start();
        await Eventually.IsTrueAsync(() => files.WritesUnderWay == 1
            && holder.ThreadState.HasFlag(ThreadState.WaitSleepJoin)
            && !store.WaitForSpaceAsync(CancellationToken.None).IsCompleted);
        held.Set();

        await Eventually.IsTrueAsync(() => !holder.IsAlive);
        log.LogStartOffset.ShouldBe(new Offset(1));
    }

    /// <summary>Whether the store took no records, each time that changed.</summary>
    private static ConcurrentQueue<bool> WatchFailures(LogStore store)
    {
        var changes = new ConcurrentQueue<bool>();
        store.FailureChanged += () => changes.Enqueue(store.Failure is not null);
        return changes;
    }

    private static bool TryAppend(IPartitionLog log, byte[] batch) => log.TryAppend(
        batch.AsSpan(0, RecordBatchHeader.SizeBytes),
        new ReadOnlySequence<byte>(batch, RecordBatchHeader.SizeBytes, batch.Length - RecordBatchHeader.SizeBytes));

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

    /// <summary>As a replica does, which takes its lock to hear what became durable and holds it while it changes its log.</summary>
    private sealed class LockingObserver(object replicaLock) : IPartitionLogObserver
    {
        public void Restore(ReadOnlySpan<byte> snapshot)
        {
        }

        public void ReplayAppend(in RecordBatchHeader header)
        {
        }

        public void ReplayTruncate(Offset end)
        {
        }

        public Offset WriteSnapshot(IBufferWriter<byte> output) => Offset.Zero;

        public void OnDurable(Offset durableEnd)
        {
            lock (replicaLock)
                Monitor.PulseAll(replicaLock);
        }

        public void OnFailed(LogStoreException failure)
        {
        }
    }
}
