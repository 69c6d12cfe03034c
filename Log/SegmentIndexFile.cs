using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Loire.Protocol.Hashing;
using Microsoft.Win32.SafeHandles;

namespace Loire.Log;

/// <summary>One partition's part of a segment's index file. On disk as it stands here.</summary>
/// <param name="FirstEntry">Its first entry's number in the file.</param>
/// <param name="TruncatedTo">Before anything of this segment: the lowest offset the log was cut back to in it;
/// <see cref="long.MaxValue"/> for none.</param>
/// <param name="SizeBytes">Bytes of the batches.</param>
/// <param name="EndOffset">The offset after the last batch.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = SizeOnDisk)]
internal readonly record struct SegmentIndexRecord(
    int Partition, int FirstEntry, int Count, int Unused, long TruncatedTo, long SizeBytes, long MaxTimestamp, long EndOffset)
{
    public const int SizeOnDisk = 48;
}

/// <summary>A segment's index: which batches of which partition lie in it. Derived from the segment, hence rebuilt
/// where it is missing or damaged, and deleted with it. Memory-mapped: what nobody looks up takes no memory, and a log
/// of thousands of segments no open files. What is to be proved is read from the file: the process does not outlive a
/// mapping of a sector that the disk cannot read.
/// <code>
///  0  magic (8)   8  format version   12  segment   16  covers the segment until this address (8)
/// 24  number of records   28  number of entries   32  CRC-32C of the records   36  CRC-32C of the entries
/// 64  records of <see cref="SegmentIndexRecord"/>, then entries of <see cref="IndexEntry"/>
/// </code></summary>
internal sealed unsafe class SegmentIndexFile : IDisposable
{
    private const ulong Magic = 0x5845444E49524F4C; // "LORINDEX"
    private const int CurrentVersion = 1;
    private const int HeaderBytes = 64;
    private const int ReadBytes = 1 << 18;

    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly Header _header;

    private SegmentIndexFile(string path)
    {
        Path = path;
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _header = *(Header*)_start;
    }

    public string Path { get; }
    public long CoversUntil => _header.CoversUntil;

    public ReadOnlySpan<SegmentIndexRecord> Records => new(_start + HeaderBytes, _header.RecordCount);

    public ReadOnlySpan<IndexEntry> Entries => new(_start + _header.EntriesAt, _header.EntryCount);

    public static string PathOf(string journalPath) => System.IO.Path.ChangeExtension(journalPath, ".index");

    /// <summary>Maps an index file whose header and records are proved; entries are by <see cref="AreEntriesIntact"/>.</summary>
    /// <returns>Null where there is none or it is damaged.</returns>
    public static SegmentIndexFile? TryOpen(string path, int segment)
    {
        try
        {
            using var file = OpenForReads(path);
            return IsIntact(file, segment) ? new SegmentIndexFile(path) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public static SegmentIndexFile Write(
        string path, int segment, long coversUntil, ReadOnlySpan<SegmentIndexRecord> records, ReadOnlySpan<IndexEntry> entries)
    {
        var recordBytes = MemoryMarshal.AsBytes(records);
        var entryBytes = MemoryMarshal.AsBytes(entries);
        var header = new Header
        {
            Magic = Magic,
            Version = CurrentVersion,
            Segment = segment,
            CoversUntil = coversUntil,
            RecordCount = records.Length,
            EntryCount = entries.Length,
            RecordsCrc = Crc32C.Compute(recordBytes),
            EntriesCrc = Crc32C.Compute(entryBytes),
        };
        DurableFile.Write(path, MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)), recordBytes, entryBytes);
        return new SegmentIndexFile(path);
    }

    public bool AreEntriesIntact()
    {
        try
        {
            using var file = OpenForReads(Path);
            return Checksum(file, _header.EntriesAt, _header.EntriesBytes) == _header.EntriesCrc;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
    }

    private static SafeFileHandle OpenForReads(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private static bool IsIntact(SafeFileHandle file, int segment)
    {
        var header = default(Header);
        try
        {
            return RandomAccess.Read(file, MemoryMarshal.AsBytes(new Span<Header>(ref header)), 0) == HeaderBytes
                && header.Magic == Magic
                && header.Version == CurrentVersion
                && header.Segment == segment
                && header.RecordCount >= 0
                && header.EntryCount >= 0
                && RandomAccess.GetLength(file) == header.EntriesAt + header.EntriesBytes
                && Checksum(file, HeaderBytes, header.RecordsBytes) == header.RecordsCrc;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static uint Checksum(SafeFileHandle file, long from, long sizeBytes)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(sizeBytes, ReadBytes));
        try
        {
            uint checksum = 0;
            while (sizeBytes > 0)
            {
                int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(sizeBytes, buffer.Length)), from);
                if (read == 0)
                    throw new EndOfStreamException("The index file is shorter than it was.");
                checksum = Crc32C.Append(checksum, buffer.AsSpan(0, read));
                from += read;
                sizeBytes -= read;
            }
            return checksum;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    [StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
    private struct Header
    {
        public ulong Magic;
        public int Version;
        public int Segment;
        public long CoversUntil;
        public int RecordCount;
        public int EntryCount;
        public uint RecordsCrc;
        public uint EntriesCrc;

        public readonly long RecordsBytes => (long)RecordCount * SegmentIndexRecord.SizeOnDisk;
        public readonly long EntriesAt => HeaderBytes + RecordsBytes;
        public readonly long EntriesBytes => (long)EntryCount * IndexEntry.SizeOnDisk;
    }
}
