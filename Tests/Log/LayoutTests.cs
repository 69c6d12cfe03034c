using Loire.Log;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>What stands in the files of a journal, byte for byte. Another layout is another version, and later versions read
/// the earlier ones.</summary>
public sealed class LayoutTests : IDisposable
{
    private const ulong Seed = 0x0123456789ABCDEF;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Kinds_of_entries_keep_their_numbers() =>
        Enum.GetValues<EntryKind>().Select(kind => $"{(byte)kind} {kind}").ShouldBe(
            ["1 Append", "2 Truncate", "3 LogStart", "4 Create", "5 Delete", "6 Head", "7 Cut", "8 Dropped"]);

    [Fact]
    public void An_entry_s_checksum_covers_its_payload() =>
        Write(EntryKind.Truncate, Convert.FromHexString("0807060504030201")).ShouldBe(
            "69cda682" + "01020000" + "07000000" + "08000000" + "2211000000000000" + "5544330000000000");

    [Fact]
    public void Of_a_batch_it_covers_what_the_batch_s_own_leaves_out() =>
        Write(EntryKind.Append, TestBatches.Create(0, payloadBytes: 4)).ShouldBe(
            "a5d740d1" + "01010000" + "07000000" + "41000000" + "2211000000000000" + "5544330000000000");

    [Fact]
    public void An_entry_that_stands_for_others()
    {
        byte[] entry = new byte[JournalEntry.OverheadBytes + 4];
        JournalEntry.WriteInPlaceOf(sequence: 5, nextSequence: 9, EntryKind.Dropped, entry, Seed, address: 0x9000);
        Hex(entry).ShouldBe(
            "24000000" + "e6b1c418" + "01080000" + "04000000" + "04000000" + "0500000000000000" + "0000000000000000" + "00000000");
    }

    [Fact]
    public void A_segments_index()
    {
        string path = Path.Combine(_directory.Path, "index");
        SegmentIndexFile.Write(
            path,
            segment: 3,
            coversUntil: 0x10000,
            [new SegmentIndexRecord(7, 0, 1, 0, long.MaxValue, 100, 1000, 12)],
            [new IndexEntry(BaseOffset: 10, Address: 0xC024, MaxTimestamp: 1000, SizeBytes: 100, LastOffsetDelta: 1)]).Dispose();
        Hex(File.ReadAllBytes(path)).ShouldBe(
            "4c4f52494e444558" + "01000000" + "03000000" + "0000010000000000" + "01000000" + "01000000" + "301170f7" + "9f6a9fc3"
            + "000000000000000000000000000000000000000000000000"
            + "07000000" + "00000000" + "01000000" + "00000000"
            + "ffffffffffffff7f" + "6400000000000000" + "e803000000000000" + "0c00000000000000"
            + "0a00000000000000" + "24c0000000000000" + "e803000000000000" + "64000000" + "01000000");
    }

    [Fact]
    public void A_checkpoint()
    {
        var snapshot = new ObserverSnapshot(Truncations: 1, EndOffset: 11, ReplayFrom: 10, new byte[] { 0xAA, 0xBB });
        var partition = new PartitionState(7, TestBatches.Partition(2), LogStart: 3, LogEnd: 12, Truncations: 2, snapshot);
        new Checkpoint(Until: 0x10000, NextSequence: 33, FirstSegment: 1, NextHandle: 8, [partition]).Write(_directory.Path);
        Hex(File.ReadAllBytes(Checkpoint.PathIn(_directory.Path))).ShouldBe(
            "4c4f495245435054" + "01000000" + "0000010000000000" + "2100000000000000" + "01000000" + "08000000" + "01000000"
            + "07000000" + "00000000000000000000000000000001" + "02000000" + "06000000" + "6f7264657273"
            + "0300000000000000" + "0c00000000000000" + "02000000"
            + "01000000" + "0b00000000000000" + "0a00000000000000" + "02000000" + "aabb"
            + "e1e5131c");
    }

    [Fact]
    public void The_format_and_the_losses_are_text()
    {
        new FormatFile(Seed, 1 << 28, 1 << 26).Write(_directory.Path);
        LossFile.Add(_directory.Path, [new LogLoss(TestBatches.Partition(2), new Offset(3), new Offset(5))]);
        File.ReadAllText(Path.Combine(_directory.Path, "format")).ShouldBe(
            "loire journal, format 1\nseed=0123456789abcdef\nsegment-bytes=268435456\nwindow-bytes=67108864\n");
        File.ReadAllText(Path.Combine(_directory.Path, "lost")).ReplaceLineEndings("\n").ShouldBe("""
            [
              {
                "TopicId": "00000000-0000-0000-0000-000000000001",
                "Topic": "orders",
                "Partition": 2,
                "From": 3,
                "Until": 5
              }
            ]
            """);
    }

    /// <returns>The header.</returns>
    private static string Write(EntryKind kind, byte[] payload)
    {
        byte[] entry = [.. new byte[JournalEntry.HeaderBytes], .. payload];
        new JournalEntry(kind, Partition: 7, payload.Length, Sequence: 0x1122, DurableUntil: 0x334455).Write(entry, Seed, 0x9000);
        return Hex(entry[..JournalEntry.HeaderBytes]);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
