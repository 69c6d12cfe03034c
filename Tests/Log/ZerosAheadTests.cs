using FsCheck;
using FsCheck.Fluent;
using Loire.Log;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class ZerosAheadTests
{
    private const int SegmentBytes = 4 << 20;
    private const int Sector = JournalGeometry.SectorBytes;

    [Fact]
    public void Zeros_go_ahead_of_small_writes_and_stay_ahead()
    {
        var zeros = new ZerosAhead(SegmentBytes);
        zeros.TryBegin(out _, out _).ShouldBeFalse("nothing was written yet");
        long end = WriteSmall(zeros, Sector, 4);
        zeros.TryBegin(out long address, out int size).ShouldBeTrue();
        (address, size).ShouldBe((end, ZerosAhead.ChunkBytes));
        zeros.TryBegin(out _, out _).ShouldBeFalse("one stretch at a time");
        zeros.End();
        zeros.TryBegin(out _, out _).ShouldBeFalse("enough is ahead");

        end = WriteSmall(zeros, end, 1);
        zeros.TryBegin(out long next, out _).ShouldBeTrue();
        next.ShouldBe(address + size);
    }

    [Fact]
    public void Large_writes_and_a_small_one_among_them_have_none()
    {
        var zeros = new ZerosAhead(SegmentBytes);
        long end = WriteSmall(zeros, Sector, 3);
        zeros.NoteWrite(end, 1 << 20);
        WriteSmall(zeros, end + (1 << 20), 3);
        zeros.TryBegin(out _, out _).ShouldBeFalse();
    }

    [Fact]
    public void They_end_with_the_file_and_begin_again_when_the_next_is_written_to()
    {
        var zeros = new ZerosAhead(SegmentBytes);
        long end = WriteSmall(zeros, SegmentBytes - (6 * Sector), 4);
        zeros.TryBegin(out long address, out int size).ShouldBeTrue();
        (address, size).ShouldBe((end, 2 * Sector));
        zeros.End();
        WriteSmall(zeros, end, 2);
        zeros.TryBegin(out _, out _).ShouldBeFalse("the next file may not be there");
        end = WriteSmall(zeros, SegmentBytes, 1);
        zeros.TryBegin(out address, out _).ShouldBeTrue();
        address.ShouldBe(end);
    }

    /// <summary>A write, or the begin of zeros, or their end, in any order: what was written is never under zeros that were
    /// begun later, and what is under zeros that are under way is known to be.</summary>
    [Fact]
    public void They_never_take_the_place_of_what_was_written()
    {
        var step =
            from kind in Gen.Choose(0, 2)
            from sectors in Gen.Frequency((4, Gen.Choose(1, 8)), (1, Gen.Choose(64, 400)))
            select (Kind: kind, Sectors: sectors);
        Prop.ForAll(step.ArrayOf().Resize(400).ToArbitrary(), steps => Run(steps)).Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public async Task A_write_that_comes_to_where_zeros_are_under_way_waits_for_them()
    {
        using var directory = new TemporaryDirectory();
        using var held = new ManualResetEventSlim();
        HeldZeros files = null!;
        var options = directory.Options with
        {
            SegmentBytes = SegmentBytes,
            MaxBatchBytes = 1 << 20,
            MemoryBytes = SegmentBytes,
            CreateFiles = (path, geometry, logger) => files = new HeldZeros(path, geometry, logger, held),
        };
        var appended = new List<byte>();
        await using (var store = LogStore.Open(options))
        {
            var observer = new RecordingObserver();
            var log = store.Open(TestBatches.Partition(0), observer);
            for (int i = 0; i < 8; i++)
            {
                Append(i, 100);
                observer.WaitDurable(i + 1);
            }
            await Eventually.IsTrueAsync(() => files.IsHeld);
            Append(8, 900_000);
            held.Set();
            observer.WaitDurable(9);
            files.Overlaps.ShouldBe(0);

            void Append(long offset, int payloadBytes)
            {
                byte[] batch = TestBatches.Create(offset, payloadBytes: payloadBytes);
                log.Append(store, batch);
                appended.AddRange(batch);
            }
        }

        await using var reopened = LogStore.Open(options with { CreateFiles = null });
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).ReadAll().ShouldBe(appended);
    }

    private static long WriteSmall(ZerosAhead zeros, long end, int writes)
    {
        for (int i = 0; i < writes; i++, end += Sector)
            zeros.NoteWrite(end, Sector);
        return end;
    }

    private static void Run((int Kind, int Sectors)[] steps)
    {
        var zeros = new ZerosAhead(SegmentBytes);
        long end = Sector;
        (long From, long Until)? underWay = null;
        foreach (var (kind, sectors) in steps)
        {
            long size = (long)sectors * Sector;
            if (kind == 0)
            {
                bool isInTheWay = underWay is { } begun && end < begun.Until && begun.From < end + size;
                zeros.IsInTheWayOf(end, size).ShouldBe(isInTheWay);
                zeros.NoteWrite(end, size);
                end += size;
            }
            else if (kind == 1 && zeros.TryBegin(out long address, out int bytes))
            {
                underWay.ShouldBeNull();
                address.ShouldBeGreaterThanOrEqualTo(end);
                ((address + bytes - 1) / SegmentBytes).ShouldBe((end - 1) / SegmentBytes);
                underWay = (address, address + bytes);
            }
            else if (kind == 2 && underWay is not null)
            {
                zeros.End();
                underWay = null;
            }
        }
    }

    /// <summary>Counts the writes that come while zeros are under way where they go.</summary>
    private sealed class HeldZeros(string directory, JournalGeometry geometry, ILogger logger, ManualResetEventSlim held)
        : JournalFiles(directory, geometry, logger)
    {
        private long _from;
        private long _until;
        private int _overlaps;

        public bool IsHeld => Volatile.Read(ref _until) > 0;
        public int Overlaps => Volatile.Read(ref _overlaps);

        public override void WriteZeros(int segment, long offset, int sizeBytes)
        {
            Volatile.Write(ref _from, offset);
            Volatile.Write(ref _until, offset + sizeBytes);
            held.Wait(Eventually.Patience);
            base.WriteZeros(segment, offset, sizeBytes);
            Volatile.Write(ref _until, 0);
        }

        public override void Write(int segment, long offset, ReadOnlySpan<byte> bytes)
        {
            if (offset < Volatile.Read(ref _until) && Volatile.Read(ref _from) < offset + bytes.Length)
                Interlocked.Increment(ref _overlaps);
            base.Write(segment, offset, bytes);
        }
    }
}
