using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Loire.Bench.Limits;

/// <summary>A file whose writes go past the page cache and return when they are on stable storage (O_DIRECT | O_DSYNC). Its
/// space is either written over once beforehand, so that measured writes are the least that a durable write can cost, or new:
/// claimed and never written, as that of a log that grows.</summary>
public sealed partial class DirectFile : IDisposable
{
    private const int ReadWrite = 0x2;
    private const int DataSync = 0x1000;
    private const int InvalidArgument = 22;
    private const int FillBytes = 1 << 20;

    private readonly SafeFileHandle _handle;
    private readonly string _path;

    /// <param name="sizeBytes">A multiple of 1 MB.</param>
    public DirectFile(string path, long sizeBytes, bool isNewSpace = false)
    {
        _path = path;
        SizeBytes = sizeBytes;
        File.OpenHandle(path, FileMode.Create, FileAccess.Write, preallocationSize: sizeBytes).Dispose();
        _handle = Open(path, DirectFlag) ?? Open(path, direct: 0) ?? throw new Win32Exception(InvalidArgument, $"cannot open {path}");
        if (isNewSpace) return;
        using var buffer = new AlignedBuffer(FillBytes);
        for (long position = 0; position < sizeBytes; position += FillBytes)
        {
            Write(buffer.Span, position);
        }
    }

    public long SizeBytes { get; }

    /// <summary>False where the file system knows no direct I/O: then only the sync is measured.</summary>
    public bool IsDirect { get; private set; }

    private static int DirectFlag => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;

    /// <param name="bytes">Of an <see cref="AlignedBuffer"/>, a multiple of 4 KB.</param>
    public void Write(ReadOnlySpan<byte> bytes, long position) => RandomAccess.Write(_handle, bytes, position);

    public void Dispose()
    {
        _handle.Dispose();
        File.Delete(_path);
    }

    /// <summary>Null where the file system refuses the combination of flags.</summary>
    private SafeFileHandle? Open(string path, int direct)
    {
        var descriptor = open(path, ReadWrite | DataSync | direct);
        if (descriptor >= 0)
        {
            IsDirect = direct != 0;
            return new SafeFileHandle(descriptor, ownsHandle: true);
        }

        var error = Marshal.GetLastPInvokeError();
        return error == InvalidArgument
            ? null
            : throw new Win32Exception(error, $"cannot open {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);
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
