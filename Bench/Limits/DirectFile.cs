using System.Runtime.InteropServices;
using Loire.Log;
using Microsoft.Win32.SafeHandles;

namespace Loire.Bench.Limits;

/// <summary>A file whose writes go past the page cache and return when they are on stable storage (O_DIRECT | O_DSYNC). Its
/// space is either written over once beforehand, so that measured writes are the least that a durable write can cost, or new:
/// claimed and never written, as that of a log that grows.</summary>
public sealed class DirectFile : IDisposable
{
    private const int FillBytes = 1 << 20;

    private readonly SafeFileHandle _handle;
    private readonly string _path;

    /// <param name="sizeBytes">A multiple of 1 MB.</param>
    public DirectFile(string path, long sizeBytes, bool isNewSpace = false)
    {
        _path = path;
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite)) NativeFile.Allocate(file, path, sizeBytes);
        _handle = NativeFile.OpenForSyncedWrites(path, out var isDirect);
        IsDirect = isDirect;
        if (isNewSpace) return;
        using var buffer = new AlignedBuffer(FillBytes);
        for (long position = 0; position < sizeBytes; position += FillBytes)
        {
            Write(buffer.Span, position);
        }
    }

    /// <summary>False where the file system knows no direct I/O: then only the sync is measured.</summary>
    public bool IsDirect { get; }

    /// <param name="bytes">Of an <see cref="AlignedBuffer"/>, a multiple of 4 KB.</param>
    public void Write(ReadOnlySpan<byte> bytes, long position) => RandomAccess.Write(_handle, bytes, position);

    public void Dispose()
    {
        _handle.Dispose();
        File.Delete(_path);
    }
}

/// <summary>Random bytes on a page boundary, as direct I/O wants them.</summary>
public sealed unsafe class AlignedBuffer : IDisposable
{
    private const int Alignment = 4096;
    private readonly void* _start;
    private readonly int _sizeBytes;

    public AlignedBuffer(int sizeBytes)
    {
        _sizeBytes = sizeBytes;
        _start = NativeMemory.AlignedAlloc((nuint)sizeBytes, Alignment);
        new Random(1).NextBytes(Span);
    }

    public Span<byte> Span => new(_start, _sizeBytes);

    public void Dispose() => NativeMemory.AlignedFree(_start);
}
