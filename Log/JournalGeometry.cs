using System.Numerics;

namespace Loire.Log;

/// <summary>Sizes of a journal, all powers of two. An address is a byte's position in the journal since its creation;
/// the file that holds it follows from the segment size alone.</summary>
/// <param name="Seed">Identifies the journal; part of every entry's checksum, so that bytes of another journal are never
/// taken for entries of this one.</param>
/// <param name="WindowBytes">How far behind the tail an unsynced byte can lie: the largest memory the journal was ever
/// opened with.</param>
internal sealed record JournalGeometry(ulong Seed, int SegmentBytes, int PageBytes, long WindowBytes)
{
    /// <summary>Unit of writes, and where an entry may follow a gap: at a page's start or where a restart went on.</summary>
    public const int SectorBytes = 4096;

    /// <summary>The first sector stays empty: FASTER takes address 0 for none.</summary>
    public const long FirstAddress = SectorBytes;

    private const int PagesInMemory = 16;
    private const int MinPagesInMemory = 4;

    public int SegmentBits { get; } = BitOperations.Log2((uint)SegmentBytes);
    public int PageBits { get; } = BitOperations.Log2((uint)PageBytes);

    public int SegmentOf(long address) => checked((int)(address >> SegmentBits));
    public long StartOf(int segment) => (long)segment << SegmentBits;
    public long PageOf(long address) => address >> PageBits;
    public int OffsetInSegment(long address) => (int)(address & (SegmentBytes - 1));
    public int OffsetInPage(long address) => (int)(address & (PageBytes - 1));

    /// <summary>The last segment that can have a file where the journal ends at an address: writes that were under way when the
    /// process stopped lie within a window behind it, and one file more was made ahead.</summary>
    public int LastSegmentFor(long end) => SegmentOf(end + WindowBytes) + 1;

    public static long RoundUpToSector(long address) => (address + SectorBytes - 1) & -SectorBytes;

    /// <summary>A page holds the largest entry, and is a sixteenth of the memory where that is more: large pages waste less at
    /// their end.</summary>
    public static int PageBytesFor(int maxBatchBytes, int memoryBytes, int segmentBytes)
    {
        int largestEntry = (int)BitOperations.RoundUpToPowerOf2((uint)(JournalEntry.OverheadBytes + maxBatchBytes + 3));
        int page = Math.Max(Math.Max(largestEntry, memoryBytes / PagesInMemory), SectorBytes);
        return Math.Min(page, Math.Max(segmentBytes, largestEntry));
    }

    public static long MemoryBytesFor(int pageBytes, int memoryBytes) =>
        Math.Max((long)memoryBytes, (long)pageBytes * MinPagesInMemory);
}
