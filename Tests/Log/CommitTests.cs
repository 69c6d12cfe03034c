using System.Buffers;
using Loire.Log;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class CommitTests
{
    [Fact]
    public async Task An_entry_that_is_on_the_disk_before_it_is_tracked_is_told_of_though_nothing_follows()
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options);
        var observer = new RecordingObserver();
        var late = (PartitionLog)store.Open(TestBatches.Partition(0), observer);
        var otherObserver = new RecordingObserver();
        var other = store.Open(TestBatches.Partition(1), otherObserver);
        var journal = late.Journal;

        // An append whose thread loses the processor in its middle, while another one commits.
        byte[] batch = TestBatches.Create(0);
        long address;
        lock (journal.AppendLock)
            journal.TryAppend(EntryKind.Append, late.Handle, batch, ReadOnlySequence<byte>.Empty, out address).ShouldBeTrue();
        long end = journal.TailAddress;
        other.Append(store, TestBatches.Create(0));
        otherObserver.WaitDurable(1);
        journal.DurableUntil.ShouldBeGreaterThanOrEqualTo(end);

        lock (journal.AppendLock)
        {
            late.ApplyAppend(address, RecordBatchHeader.Read(batch));
            journal.Commits.Track(new DurableMark(late, end, EndOffset: 1, Truncations: 0));
        }
        journal.Commits.Start();
        observer.WaitDurable(1);
    }
}
