using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Loire.Log;

/// <summary>The journal's files: one for each segment, their space claimed before it is needed. Written past the page
/// cache, read through it, so that several readers of one stretch share one read of the disk.</summary>
internal class JournalFiles : IDisposable
{
    private const string Extension = ".journal";

    private readonly ConcurrentDictionary<int, SegmentFile> _open = new();
    private readonly ILogger _logger;
    private int _saidNotDirect;
    private long _lastReadMs = long.MinValue / 2;

    public JournalFiles(string directory, JournalGeometry geometry, ILogger logger)
    {
        Directory = directory;
        Geometry = geometry;
        _logger = logger;
    }

    public string Directory { get; }
    public JournalGeometry Geometry { get; }

    public string PathOf(int segment) =>
        Path.Combine(Directory, segment.ToString("D10", CultureInfo.InvariantCulture) + Extension);

    /// <summary>The numbers of the segments that have a file, ascending.</summary>
    public int[] List() => System.IO.Directory.EnumerateFiles(Directory, "*" + Extension)
        .Select(path => int.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture))
        .Order()
        .ToArray();

    public bool Exists(int segment) => _open.ContainsKey(segment) || File.Exists(PathOf(segment));

    /// <summary>Creates a segment's file where there is none, and claims its space.</summary>
    /// <exception cref="IOException">No space left, among others; then there is no file.</exception>
    public virtual void Allocate(int segment)
    {
        string path = PathOf(segment);
        if (new FileInfo(path) is { Exists: true } file && file.Length >= Geometry.SegmentBytes)
            return;
        // Made under another name: a file of the journal is never seen, or left behind, half made.
        string aside = path + ".new";
        try
        {
            using (var made = File.OpenHandle(aside, FileMode.Create, FileAccess.ReadWrite))
            {
                NativeFile.Allocate(made, aside, Geometry.SegmentBytes);
                RandomAccess.FlushToDisk(made);
            }
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
        RandomAccess.Write(Find(segment).Writes.Value, bytes, offset);

    /// <summary>Reads within one segment; what lies beyond its file's end reads as zeros.</summary>
    public virtual void Read(long address, Span<byte> destination)
    {
        Volatile.Write(ref _lastReadMs, Environment.TickCount64);
        int segment = Geometry.SegmentOf(address);
        long offset = Geometry.OffsetInSegment(address);
        var file = Find(segment).Reads;
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(file, destination, offset);
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
    public void Prefetch(long address, long sizeBytes) =>
        NativeFile.Prefetch(Find(Geometry.SegmentOf(address)).Reads, Geometry.OffsetInSegment(address), sizeBytes);

    public bool WasReadWithin(TimeSpan time) =>
        Environment.TickCount64 - Volatile.Read(ref _lastReadMs) <= time.TotalMilliseconds;

    /// <summary>Makes a stretch of one segment zeros again, durably.</summary>
    public void Clear(long address, long sizeBytes)
    {
        byte[] zeros = new byte[Math.Min(sizeBytes, 1 << 20)];
        for (long done = 0; done < sizeBytes; done += zeros.Length)
            Overwrite(address + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, sizeBytes - done)));
    }

    /// <summary>Writes within one segment, durably, any number of bytes anywhere. While the journal is not open.</summary>
    public void Overwrite(long address, ReadOnlySpan<byte> bytes)
    {
        string path = PathOf(Geometry.SegmentOf(address));
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(file, bytes, Geometry.OffsetInSegment(address));
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Deletes a segment's file. Nobody reads it any more.</summary>
    public void Remove(int segment)
    {
        Close(segment);
        File.Delete(PathOf(segment));
    }

    /// <summary>Lets go of a segment's file until it is read again.</summary>
    protected void Close(int segment)
    {
        if (_open.TryRemove(segment, out var file))
            file.Dispose();
    }

    public void Dispose()
    {
        foreach (var file in _open.Values)
            file.Dispose();
        _open.Clear();
        GC.SuppressFinalize(this);
    }

    private SegmentFile Find(int segment)
    {
        if (_open.TryGetValue(segment, out var file))
            return file;
        lock (_open)
            return _open.GetOrAdd(segment, Open);
    }

    private SegmentFile Open(int segment)
    {
        string path = PathOf(segment);
        return new SegmentFile(
            new Lazy<SafeFileHandle>(() => OpenForWrites(path)),
            File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
    }

    private SafeFileHandle OpenForWrites(string path)
    {
        var writes = NativeFile.OpenForSyncedWrites(path, out bool direct);
        if (!direct && Interlocked.Exchange(ref _saidNotDirect, 1) == 0)
            _logger.NotDirect(Directory);
        return writes;
    }

    /// <param name="Writes">Opened by the first write: who only reads needs no right to write.</param>
    private sealed record SegmentFile(Lazy<SafeFileHandle> Writes, SafeFileHandle Reads) : IDisposable
    {
        public void Dispose()
        {
            if (Writes.IsValueCreated)
                Writes.Value.Dispose();
            Reads.Dispose();
        }
    }
}
