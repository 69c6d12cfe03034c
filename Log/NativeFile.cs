using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Loire.Log;

/// <summary>The few calls of the operating system that .NET has no name for. Elsewhere than on Linux the nearest that .NET
/// offers takes their place.</summary>
internal static partial class NativeFile
{
    private const int ReadOnly = 0x0;
    private const int ReadWrite = 0x2;
    private const int DataSync = 0x1000;
    private const int CloseOnExec = 0x80000;
    private const int InvalidArgument = 22;
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;
    private const int DiskFullOnWindows = unchecked((int)0x80070070);
    private const int WillNeed = 3;
    private const int SeekData = 3;
    private const int SeekHole = 4;

    private static int Direct =>
        RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;

    /// <summary>Whether a file could not be written because the disk, or what one may have of it, is full.</summary>
    public static bool IsDiskFull(IOException failure) => failure.HResult is NoSpaceLeft or QuotaExceeded or DiskFullOnWindows;

    /// <summary>What a file system has left for whoever runs this.</summary>
    public static long CountFreeBytes(string directory) => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;

    /// <summary>Opens an existing file so that a write is on the disk when it returns, past the page cache where the file
    /// system can.</summary>
    public static SafeFileHandle OpenForSyncedWrites(string path, out bool direct)
    {
        direct = false;
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, FileOptions.WriteThrough);

        int file = Open(path, ReadWrite | DataSync | CloseOnExec | Direct, 0);
        direct = file >= 0;
        if (!direct && Marshal.GetLastPInvokeError() == InvalidArgument)
            file = Open(path, ReadWrite | DataSync | CloseOnExec, 0);
        if (file < 0)
            throw LastError($"{path} cannot be opened");
        return new SafeFileHandle(file, ownsHandle: true);
    }

    /// <summary>Opens a file for reading whatever lock its owner holds, where the system lets us.</summary>
    public static SafeFileHandle OpenUnlocked(string path)
    {
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        int file = Open(path, ReadOnly | CloseOnExec, 0);
        return file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw LastError($"{path} cannot be opened");
    }

    /// <summary>Claims the space of a file, which then reads as zeros.</summary>
    /// <exception cref="IOException">No space left, among others.</exception>
    public static void Allocate(SafeFileHandle file, string path, long sizeBytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.SetLength(file, sizeBytes);
            return;
        }
        int error = PosixFallocate(file, 0, sizeBytes);
        if (error != 0)
            throw new IOException($"{path}: {sizeBytes} bytes cannot be allocated: {new Win32Exception(error).Message}");
    }

    /// <summary>Has the system begin to read what will be asked for soon.</summary>
    /// <returns>Whether it does; it may decline.</returns>
    public static bool Prefetch(SafeFileHandle file, long offset, long sizeBytes) =>
        OperatingSystem.IsLinux() && Advise(file, offset, sizeBytes, WillNeed) == 0;

    /// <summary>How many bytes of a file are no holes; all of them where the file system does not tell.</summary>
    public static long CountBytes(SafeFileHandle file)
    {
        long length = RandomAccess.GetLength(file);
        if (!OperatingSystem.IsLinux())
            return length;
        long count = 0;
        for (long at = 0; at < length;)
        {
            long from = Seek(file, at, SeekData);
            if (from < 0)
                return Marshal.GetLastPInvokeError() == InvalidArgument ? length : count;
            at = Seek(file, from, SeekHole);
            count += at - from;
        }
        return count;
    }

    /// <summary>Makes the names in a directory durable.</summary>
    public static void SyncDirectory(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;
        int file = Open(path, ReadOnly | CloseOnExec, 0);
        if (file < 0)
            throw LastError($"{path} cannot be opened");
        using var handle = new SafeFileHandle(file, ownsHandle: true);
        if (Sync(handle) != 0)
            throw LastError($"{path} cannot be synced");
    }

    private static IOException LastError(string what) => new($"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "posix_fallocate")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int PosixFallocate(SafeFileHandle file, long offset, long length);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sync(SafeFileHandle file);
}
