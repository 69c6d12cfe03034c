using System.Buffers;
using System.Collections.Concurrent;
using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

/// <summary>Real threads on one replica: writers, a committer that also fills the journal, and readers.</summary>
public sealed class PartitionStressTests
{
    private const int Writers = 4;
    private const int BatchesPerWriter = 500;
    private static readonly NodeId Self = new(1);

    private static readonly TopicIdPartition Orders = new(new TopicId(Guid.NewGuid()), new TopicName("orders"), new PartitionIndex(0));

    [Fact]
    public async Task No_acknowledgement_before_durability_no_gap_and_no_lost_wake_up()
    {
        var store = new FakeLogStore { HoldDurability = true };
        var replica = new PartitionReplica(store, Orders, TopicConfig.Default, Self, TimeProvider.System);
        replica.Apply(PartitionState.Sole(Self, LeaderEpoch.Zero));
        using var done = new CancellationTokenSource();
        var committer = Task.Run(() => Commit(store, done.Token), CancellationToken.None);
        var reader = Task.Run(() => ReadAllAsync(replica), CancellationToken.None);
        var offsets = new ConcurrentBag<long>();

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(replica, writer, offsets))))
            .WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        var read = await reader.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        await done.CancelAsync();
        await committer;

        offsets.Order().ShouldBe(Enumerable.Range(0, Writers * BatchesPerWriter).Select(i => (long)i));
        read.ShouldBe(Writers * BatchesPerWriter);
        store.OpenReads.ShouldBe(0);
    }

    /// <summary>Syncs now and then, and now and then lets writers find the journal full.</summary>
    private static void Commit(FakeLogStore store, CancellationToken done)
    {
        var random = new Random(7);
        while (!done.IsCancellationRequested)
        {
            if (random.Next(4) == 0) store.Fill();
            Thread.SpinWait(random.Next(2_000));
            store.Sync();
            store.Drain();
        }

        store.Sync();
    }

    private static async Task WriteAsync(PartitionReplica replica, int writer, ConcurrentBag<long> offsets)
    {
        var inFlight = new Queue<(Task<ErrorCode> Commit, AppendResult Result)>();
        for (var sequence = 0; sequence < BatchesPerWriter; sequence++)
        {
            var commit = new CommitTask();
            var batch = Batches.Bytes(timestampMs: -1, producerId: writer, producerEpoch: 0, sequence: sequence);
            var result = await replica.AppendAsync(new(batch), RequiredAcks.All, commit, slot: 0, CancellationToken.None);
            result.Error.ShouldBe(ErrorCode.None);
            offsets.Add(result.BaseOffset.Value);
            inFlight.Enqueue((commit.Task, result));
            if (inFlight.Count >= 5) await AwaitAsync(inFlight.Dequeue());
        }

        while (inFlight.TryDequeue(out var last)) await AwaitAsync(last);

        async Task AwaitAsync((Task<ErrorCode> Commit, AppendResult Result) sent)
        {
            (await sent.Commit).ShouldBe(ErrorCode.None);
            replica.HighWatermark.ShouldBeGreaterThanOrEqualTo(sent.Result.NextOffset);
        }
    }

    /// <summary>Follows the high watermark by waiting only: a lost wake-up leaves it waiting for ever.</summary>
    private static async Task<long> ReadAllAsync(PartitionReplica replica)
    {
        var next = Offset.Zero;
        while (next.Value < Writers * BatchesPerWriter)
        {
            var read = replica.Read(next, 1 << 20, atLeastOne: true, ReadIsolation.Uncommitted);
            read.Error.ShouldBe(ErrorCode.None);
            if (read.Records is { } records)
            {
                Check(records, next, read);
                next = read.NextOffset;
                continue;
            }

            var wake = new Wake();
            var watch = new FetchWatch();
            replica.Watch(watch, wake, read.HighWatermark);
            await wake.Task;
            replica.Unwatch(watch);
        }

        return next.Value;
    }

    private static void Check(IRecordsSource records, Offset from, PartitionRead read)
    {
        var bytes = new ArrayBufferWriter<byte>();
        records.CopyTo(bytes);
        records.Release();
        var batches = new RecordBatchReader(new(bytes.WrittenMemory));
        while (batches.TryRead(out var header, out _))
        {
            header.BaseOffset.ShouldBe(from);
            from = header.NextOffset;
            from.ShouldBeLessThanOrEqualTo(read.HighWatermark);
        }
    }

    private sealed class Wake() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), IFetchListener
    {
        public void OnAvailable(long addedBytes) => TrySetResult();

        public void OnPartitionChanged() => TrySetResult();
    }
}
