using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class ProducerWindowTests
{
    private ProducerWindow _window = new();
    private Offset _logEnd = Offset.Zero;

    [Fact]
    public void A_repetition_gets_the_original_offset()
    {
        Append(sequence: 0, records: 3).ShouldBe(ErrorCode.None);
        Append(sequence: 3, records: 2).ShouldBe(ErrorCode.None);

        _window.Check(Batch(0, 0, 3), out var original).ShouldBe(ErrorCode.None);
        original!.Value.BaseOffset.ShouldBe(Offset.Zero);
        _window.Check(Batch(0, 3, 2), out original).ShouldBe(ErrorCode.None);
        original!.Value.BaseOffset.ShouldBe(new Offset(3));
    }

    [Fact]
    public void Only_the_last_five_batches_are_known()
    {
        for (var i = 0; i < 6; i++) Append(sequence: i).ShouldBe(ErrorCode.None);
        Append(sequence: 0).ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
        _window.Check(Batch(0, 1, 1), out var original).ShouldBe(ErrorCode.None);
        original.ShouldNotBeNull();
    }

    [Fact]
    public void A_gap_is_refused()
    {
        Append(sequence: 0);
        Append(sequence: 2).ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
    }

    [Fact]
    public void An_overlap_that_is_no_repetition_is_refused()
    {
        Append(sequence: 0, records: 5);
        Append(sequence: 0, records: 4).ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
    }

    [Fact]
    public void An_unknown_producer_may_start_anywhere() => Append(sequence: 77).ShouldBe(ErrorCode.None);

    [Fact]
    public void A_new_epoch_starts_at_zero_and_fences_the_old()
    {
        Append(sequence: 0);
        Append(sequence: 1, epoch: 1).ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
        Append(sequence: 0, epoch: 1).ShouldBe(ErrorCode.None);
        Append(sequence: 1, epoch: 0).ShouldBe(ErrorCode.InvalidProducerEpoch);
    }

    [Fact]
    public void Sequences_wrap_to_zero()
    {
        Append(sequence: int.MaxValue - 1, records: 2).ShouldBe(ErrorCode.None);
        Append(sequence: 0).ShouldBe(ErrorCode.None);
        Append(sequence: 1).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_batch_may_wrap_inside()
    {
        Append(sequence: int.MaxValue - 1, records: 4).ShouldBe(ErrorCode.None);
        _window.Check(Batch(0, int.MaxValue - 1, 4), out var original).ShouldBe(ErrorCode.None);
        original.ShouldNotBeNull();
        Append(sequence: 2).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Idle_producers_expire()
    {
        _window.Appended(Batch(0, 0, 1), nowMs: 1_000);
        _window.Expire(nowMs: 1_999, expirationMs: 1_000);
        _window.Count.ShouldBe(1);
        _window.Expire(nowMs: 2_000, expirationMs: 1_000);
        _window.Count.ShouldBe(0);
    }

    [Fact]
    public void Truncated_batches_can_be_sent_again()
    {
        Append(sequence: 0);
        Append(sequence: 1);
        _window.TruncateTo(new Offset(1));
        Append(sequence: 1).ShouldBe(ErrorCode.None);
        _window.Check(Batch(0, 1, 1), out var original).ShouldBe(ErrorCode.None);
        original.ShouldNotBeNull();
    }

    [Fact]
    public void When_all_that_was_in_flight_is_cut_the_next_sequence_is_still_known()
    {
        for (var sequence = 0; sequence < 6; sequence++) Append(sequence);
        _window.TruncateTo(new Offset(1));
        _logEnd = new Offset(1);
        Append(sequence: 2).ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
        Append(sequence: 1).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_batch_without_producer_id_is_not_checked()
    {
        _window.Appended(Batches.Header(), nowMs: 0);
        _window.Count.ShouldBe(0);
    }

    [Fact]
    public void A_snapshot_of_a_newer_format_is_refused() =>
        Should.Throw<InvalidDataException>(() => PartitionSnapshot.Read([9], new EpochHistory(), _window));

    [Fact]
    public void A_cut_snapshot_is_refused()
    {
        Append(sequence: 0);
        var bytes = Snapshot();
        for (var length = 0; length < bytes.Length; length++)
        {
            Should.Throw<InvalidDataException>(() => PartitionSnapshot.Read(bytes.AsSpan(0, length), new EpochHistory(), new()));
        }
    }

    /// <summary>Against a model that remembers everything: any sequence of sends, repetitions, gaps, epoch bumps and
    /// restarts gets the same answers, and no batch is ever in the log twice.</summary>
    [Fact]
    public void Any_history_is_answered_as_by_a_model_that_remembers_everything() =>
        Prop.ForAll(Steps().ArrayOf().ToArbitrary(), steps =>
        {
            _window = new ProducerWindow();
            _logEnd = Offset.Zero;
            var model = new Model();
            foreach (var step in steps)
            {
                if (step.Restart)
                {
                    Restart();
                    continue;
                }

                var batch = model.Next(step);
                var expected = model.Answer(batch, out var expectedOriginal);
                _window.Check(batch, out var original).ShouldBe(expected, step.ToString());
                original?.BaseOffset.ShouldBe(expectedOriginal!.Value);
                (original is null).ShouldBe(expectedOriginal is null);
                if (expected != ErrorCode.None || original is not null) continue;
                var placed = batch with { BaseOffset = _logEnd };
                _window.Appended(placed, nowMs: 0);
                model.Appended(placed);
                _logEnd = placed.NextOffset;
            }
        }).QuickCheckThrowOnFailure();

    private static Gen<Step> Steps() =>
        from producer in Gen.Choose(1, 2)
        from shift in Gen.Frequency((8, Gen.Constant(0)), (2, Gen.Choose(1, 3)))
        from repeat in Gen.Frequency((3, Gen.Constant(0)), (2, Gen.Choose(1, 7)))
        from epochShift in Gen.Frequency((12, Gen.Constant(0)), (1, Gen.Constant(1)), (1, Gen.Constant(-1)))
        from records in Gen.Elements(1, 2, 1_000_000_000)
        from restart in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
        select new Step(producer, shift, repeat, epochShift, records, restart);

    private ErrorCode Append(int sequence, int records = 1, short epoch = 0)
    {
        var batch = Batch(epoch, sequence, records) with { BaseOffset = _logEnd };
        var error = _window.Check(batch, out var original);
        if (error != ErrorCode.None || original is not null) return error;
        _window.Appended(batch, nowMs: 0);
        _logEnd = batch.NextOffset;
        return error;
    }

    private static RecordBatchHeader Batch(short epoch, int sequence, int records, long producer = 1) =>
        Batches.Header(records, producer, epoch, sequence);

    private byte[] Snapshot()
    {
        var bytes = new ArrayBufferWriter<byte>();
        PartitionSnapshot.Write(bytes, _logEnd, new EpochHistory(), _window);
        return bytes.WrittenSpan.ToArray();
    }

    private void Restart()
    {
        var snapshot = Snapshot();
        _window = new ProducerWindow();
        PartitionSnapshot.Read(snapshot, new EpochHistory(), _window).ShouldBe(_logEnd);
    }

    /// <param name="Shift">Sequence numbers left out.</param>
    /// <param name="Repeat">0 for a new batch, else which of the last ones to send again.</param>
    private readonly record struct Step(int Producer, int Shift, int Repeat, int EpochShift, int Records, bool Restart);

    private sealed class Model
    {
        private readonly List<RecordBatchHeader> _log = [];

        public RecordBatchHeader Next(Step step)
        {
            var mine = Of(step.Producer);
            if (mine.Count == 0) return Batch(3, step.Shift, step.Records, step.Producer);
            var last = mine[^1];
            if (step.Repeat > 0) return mine[Math.Max(0, mine.Count - step.Repeat)];
            var epoch = (short)(last.ProducerEpoch + step.EpochShift);
            var sequence = step.EpochShift == 1 ? step.Shift : (int)((last.LastSequence + 1L + step.Shift) & int.MaxValue);
            return Batch(epoch, sequence, step.Records, step.Producer);
        }

        public ErrorCode Answer(RecordBatchHeader batch, out Offset? original)
        {
            original = null;
            var mine = Of(batch.ProducerId.Value);
            if (mine.Count == 0) return ErrorCode.None;
            var last = mine[^1];
            if (batch.ProducerEpoch < last.ProducerEpoch) return ErrorCode.InvalidProducerEpoch;
            if (batch.ProducerEpoch > last.ProducerEpoch)
            {
                return batch.BaseSequence == 0 ? ErrorCode.None : ErrorCode.OutOfOrderSequenceNumber;
            }

            var recent = mine.Where(known => known.ProducerEpoch == batch.ProducerEpoch).TakeLast(5).ToList();
            foreach (var known in recent)
            {
                if (known.BaseSequence != batch.BaseSequence || known.RecordsCount != batch.RecordsCount) continue;
                original = known.BaseOffset;
                return ErrorCode.None;
            }

            return batch.BaseSequence == (last.LastSequence + 1L) % (1L << 31) ? ErrorCode.None : ErrorCode.OutOfOrderSequenceNumber;
        }

        public void Appended(RecordBatchHeader batch) => _log.Add(batch);

        private List<RecordBatchHeader> Of(long producer) => [.. _log.Where(batch => batch.ProducerId.Value == producer)];
    }
}
