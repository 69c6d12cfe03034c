using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Loire.Log;

/// <summary>The journal's files: one for each segment, their space claimed before it is needed. Written past the page
/// cache, read through it, so that several readers of one stretch share one read of the disk.</summary>
internal class JournalFiles : IDisposable
{
    private const string Extension = ".journal";

    /// <summary>Files open for reading: a log may have thousands, and the system lets a process have a thousand, as like as
    /// not.</summary>
    private const int MaxOpen = 128;

    /// <summary>A sector more than is written at a time: what goes past the page cache starts at a sector's size.</summary>
    private static readonly byte[] Zeros =
        GC.AllocateArray<byte>(ZerosAhead.ChunkBytes + JournalGeometry.SectorBytes, pinned: true);

    private readonly ConcurrentDictionary<int, SafeFileHandle> _writes = new();
    private readonly OpenFiles _reads;
    private int _saidNotDirect;
    private long _lastReadMs = long.MinValue / 2;

    public JournalFiles(string directory, JournalGeometry geometry, ILogger logger)
    {
        Directory = directory;
        Geometry = geometry;
        Logger = logger;
        _reads = new OpenFiles(MaxOpen, PathOf);
    }

    public string Directory { get; }
    public JournalGeometry Geometry { get; }
    public ILogger Logger { get; }

    public string PathOf(int segment) =>
        Path.Combine(Directory, segment.ToString("D10", CultureInfo.InvariantCulture) + Extension);

    /// <summary>The numbers of the segments that have a file, ascending.</summary>
    public int[] List() => System.IO.Directory.EnumerateFiles(Directory, "*" + Extension)
        .Select(path => int.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture))
        .Order()
        .ToArray();

    public bool Exists(int segment) => _reads.Contains(segment) || File.Exists(PathOf(segment));

    /// <summary>Creates a segment's file where there is none, and claims its space. One that was cut short, as a file system may
    /// do after a crash, keeps what it has.</summary>
    /// <exception cref="IOException">No space left, among others; then no file is created.</exception>
    public virtual void Allocate(int segment)
    {
        string path = PathOf(segment);
        if (File.Exists(path))
        {
            if (new FileInfo(path).Length < Geometry.SegmentBytes)
                Claim(path, FileMode.Open);
            return;
        }
        // Made under another name: a file of the journal is never seen, or left behind, half made.
        string aside = path + DurableFile.AsideExtension;
        try
        {
            Claim(aside, FileMode.Create);
        }
        catch (Exception)
        {
            File.Delete(aside);
            throw;
        }
        File.Move(aside, path);
        NativeFile.SyncDirectory(Directory);
    }

    /// <summary>Writes whole sectors; when it returns they are on the disk.</summary>
    public virtual void Write(int segment, long offset, ReadOnlySpan<byte> bytes) =>
        RandomAccess.Write(FindForWrites(segment), bytes, offset);

    /// <summary>Writes zeros, up to <see cref="ZerosAhead.ChunkBytes"/>, as <see cref="Write"/> does.</summary>
    public virtual unsafe void WriteZeros(int segment, long offset, int sizeBytes)
    {
        nint start = (nint)Unsafe.AsPointer(ref Zeros[0]);
        int toSector = (int)(-start & (JournalGeometry.SectorBytes - 1));
        RandomAccess.Write(FindForWrites(segment), Zeros.AsSpan(toSector, sizeBytes), offset);
    }

    /// <summary>Lets go of the files to which nothing more is written, those before a segment.</summary>
    public void EndWritesBefore(int segment)
    {
        foreach (int written in _writes.Keys)
        {
            if (written < segment)
                EndWrites(written);
        }
    }

    /// <summary>Reads within one segment; what lies beyond its file's end reads as zeros.</summary>
    public virtual void Read(long address, Span<byte> destination)
    {
        Volatile.Write(ref _lastReadMs, Environment.TickCount64);
        int segment = Geometry.SegmentOf(address);
        long offset = Geometry.OffsetInSegment(address);
        while (!destination.IsEmpty)
        {
            int read = _reads.Use(
                segment,
                new Stretch(destination, offset),
                static (file, wanted) => RandomAccess.Read(file, wanted.Destination, wanted.Offset));
            if (read == 0)
            {
                destination.Clear();
                return;
            }
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Has the disk begin with a read that is to come, within one segment.</summary>
    public void Prefetch(long address, long sizeBytes) => _reads.Use(
        Geometry.SegmentOf(address),
        (Offset: Geometry.OffsetInSegment(address), SizeBytes: sizeBytes),
        static (file, wanted) => NativeFile.Prefetch(file, wanted.Offset, wanted.SizeBytes));

    public bool WasReadWithin(TimeSpan time) =>
        Environment.TickCount64 - Volatile.Read(ref _lastReadMs) <= time.TotalMilliseconds;

    /// <summary>When a segment's file was last written to, in milliseconds since 1970.</summary>
    public long WrittenAtMs(int segment) =>
        new DateTimeOffset(File.GetLastWriteTimeUtc(PathOf(segment))).ToUnixTimeMilliseconds();

    /// <summary>Makes a stretch of one segment zeros again, durably.</summary>
    public void Clear(long address, long sizeBytes)
    {
        byte[] zeros = new byte[Math.Min(sizeBytes, 1 << 20)];
        for (long done = 0; done < sizeBytes; done += zeros.Length)
            Overwrite(address + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, sizeBytes - done)));
    }

    /// <summary>Writes within one segment, durably, any number of bytes anywhere. While the journal is not open.</summary>
    public virtual void Overwrite(long address, ReadOnlySpan<byte> bytes)
    {
        string path = PathOf(Geometry.SegmentOf(address));
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(file, bytes, Geometry.OffsetInSegment(address));
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Lets a file take the place of a segment's. Who reads the segment meanwhile reads one of the two.</summary>
    public void Replace(int segment, string path)
    {
        File.Move(path, PathOf(segment), overwrite: true);
        NativeFile.SyncDirectory(Directory);
        EndReads(segment);
    }

    /// <summary>How much of a segment's file is no hole.</summary>
    public long CountBytes(int segment)
    {
        using var file = File.OpenHandle(PathOf(segment), share: FileShare.ReadWrite | FileShare.Delete);
        return NativeFile.CountBytes(file);
    }

    /// <summary>Deletes a segment's file. Nobody reads it any more.</summary>
    public void Remove(int segment)
    {
        EndWrites(segment);
        EndReads(segment);
        File.Delete(PathOf(segment));
    }

    public void Dispose()
    {
        foreach (int segment in _writes.Keys)
            EndWrites(segment);
        _reads.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of a segment's file until it is read again.</summary>
    protected void EndReads(int segment) => _reads.Close(segment);

    private void Claim(string path, FileMode mode)
    {
        using var file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite);
        NativeFile.Allocate(file, path, Geometry.SegmentBytes);
        RandomAccess.FlushToDisk(file);
    }

    private void EndWrites(int segment)
    {
        if (_writes.TryRemove(segment, out var file))
            file.Dispose();
    }

    private SafeFileHandle FindForWrites(int segment)
    {
        if (_writes.TryGetValue(segment, out var file))
            return file;
        lock (_writes)
            return _writes.GetOrAdd(segment, OpenForWrites);
    }

    private SafeFileHandle OpenForWrites(int segment)
    {
        var writes = NativeFile.OpenForSyncedWrites(PathOf(segment), out bool direct);
        if (!direct && Interlocked.Exchange(ref _saidNotDirect, 1) == 0)
            Logger.NotDirect(Directory);
        return writes;
    }

    private readonly ref struct Stretch(Span<byte> destination, long offset)
    {
        public Span<byte> Destination { get; } = destination;
        public long Offset { get; } = offset;
    }
}
