using FsCheck;
using FsCheck.Fluent;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>Random histories of a store, with restarts and crashes, against lists in memory.</summary>
public sealed class ModelTests
{
    private const int Partitions = 3;

    [Fact]
    public void A_store_behaves_as_lists_of_batches_over_restarts_and_crashes()
    {
        var step =
            from kind in Gen.Choose(0, 99)
            from partition in Gen.Choose(0, Partitions - 1)
            from size in Gen.Choose(1, 20_000)
            select (Kind: kind, Partition: partition, Size: size);
        Prop.ForAll(step.ArrayOf().Resize(250).ToArbitrary(), steps => Run(steps)).Check(Config.QuickThrowOnFailure.WithMaxTest(25));
    }

    private static void Run((int Kind, int Partition, int Size)[] steps)
    {
        using var run = new ModelRun();
        foreach (var (kind, partition, size) in steps)
        {
            switch (kind)
            {
                case < 65:
                    run.Append(partition, size);
                    break;
                case < 75:
                    run.Truncate(partition, size);
                    break;
                case < 85:
                    run.AdvanceLogStart(partition, size);
                    break;
                case < 88:
                    run.Delete(partition);
                    break;
                case < 94:
                    run.Restart();
                    break;
                default:
                    run.Crash();
                    break;
            }
            run.Compare(partition);
        }
        run.Restart();
        for (int p = 0; p < Partitions; p++)
            run.Compare(p);
    }

    private sealed class ModelRun : IDisposable
    {
        private readonly List<byte[]>[] _batches = new List<byte[]>[Partitions];
        private readonly long[] _start = new long[Partitions];
        private readonly long[] _end = new long[Partitions];
        private readonly IPartitionLog[] _logs = new IPartitionLog[Partitions];
        private TemporaryDirectory _directory = new();
        private LogStore _store;

        public ModelRun()
        {
            _store = LogStore.Open(Options);
            for (int p = 0; p < Partitions; p++)
                _batches[p] = [];
            OpenLogs();
        }

        /// <summary>Small segments: many are thinned, removed and loaded.</summary>
        private LogStoreOptions Options => _directory.Options with { SegmentBytes = 1 << 16 };

        public void Append(int p, int size)
        {
            byte[] batch = TestBatches.Create(_end[p], records: 1 + (size % 3), payloadBytes: size);
            _logs[p].Append(_store, batch);
            _batches[p].Add(batch);
            _end[p] += 1 + (size % 3);
        }

        /// <summary>Cuts at a batch's start: what it holds from there on goes.</summary>
        public void Truncate(int p, int choice)
        {
            if (_batches[p].Count == 0)
                return;
            int kept = choice % _batches[p].Count;
            long end = OffsetOf(_batches[p][kept]);
            if (end < _start[p])
                return;
            _logs[p].TruncateTo(new Offset(end));
            _batches[p].RemoveRange(kept, _batches[p].Count - kept);
            _end[p] = end;
        }

        public void AdvanceLogStart(int p, int choice)
        {
            long start = _start[p] + (choice % (_end[p] - _start[p] + 1));
            _logs[p].AdvanceLogStart(new Offset(start));
            _start[p] = start;
            _batches[p].RemoveAll(batch => RecordBatchHeader.Read(batch).NextOffset.Value <= start);
        }

        public void Delete(int p)
        {
            _store.Delete(TestBatches.Partition(p));
            _batches[p].Clear();
            _start[p] = _end[p] = 0;
            OpenLog(p);
        }

        public void Restart()
        {
            Close();
            Reopen();
        }

        /// <summary>Everything is durable, so nothing may be missing from what the crash leaves.</summary>
        public void Crash()
        {
            for (int p = 0; p < Partitions; p++)
            {
                Append(p, 10);
                // Not what the observer heard last: that may be from before a truncation, and higher.
                Eventually.IsTrueAsync(() => _logs[p].DurableEndOffset.Value == _end[p]).Wait();
            }
            var left = _directory.Copy();
            Close();
            _directory.Dispose();
            _directory = left;
            Reopen();
        }

        public void Compare(int p)
        {
            _logs[p].LogStartOffset.Value.ShouldBe(_start[p]);
            _logs[p].LogEndOffset.Value.ShouldBe(_end[p]);
            _logs[p].SizeBytes.ShouldBe(_batches[p].Sum(batch => (long)batch.Length));
            _logs[p].ReadAll().AsSpan().SequenceEqual(_batches[p].SelectMany(batch => batch).ToArray())
                .ShouldBeTrue($"partition {p} differs");
        }

        public void Dispose()
        {
            Close();
            _directory.Dispose();
        }

        private void Close() => _store.DisposeAsync().AsTask().Wait();

        private void Reopen()
        {
            var report = LogVerifier.Verify(_directory.Path);
            report.Damages.ShouldBeEmpty();
            report.Losses.ShouldBeEmpty();
            _store = LogStore.Open(Options);
            OpenLogs();
        }

        private void OpenLogs()
        {
            for (int p = 0; p < Partitions; p++)
                OpenLog(p);
        }

        private void OpenLog(int p) => _logs[p] = _store.Open(TestBatches.Partition(p), new RecordingObserver());

        private static long OffsetOf(byte[] batch) =>
            RecordBatchHeader.Read(batch).BaseOffset.Value;
    }
}
