using System.Globalization;
using System.Text;
using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Keeps a second process out of a data directory.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int SharingViolationOnWindows = unchecked((int)0x80070020);
    private const int WouldBlockOnLinux = 11;
    private const int WouldBlockOnMac = 35;

    private readonly FileStream? _file;

    private DirectoryLock(FileStream? file) => _file = file;

    /// <summary>As <see cref="Take"/>, where the directory need not be there yet.</summary>
    public static DirectoryLock CreateAndTake(string directory)
    {
        try
        {
            DurableFile.CreateDirectory(Path.GetFullPath(directory));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(directory, failure);
        }
        return Take(directory);
    }

    /// <exception cref="LogStoreException">Another process, which the message names, has the directory open; or it is not
    /// there, or cannot be written to.</exception>
    public static DirectoryLock Take(string directory)
    {
        var file = Open(directory, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        // Over what stands there, which a full disk has room for.
        file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        file.Flush();
        file.SetLength(file.Position);
        return new DirectoryLock(file);
    }

    /// <summary>As <see cref="Take"/>, for who changes nothing: of a directory that cannot be written to it suffices that nobody
    /// has it open, as far as the file system tells.</summary>
    public static DirectoryLock TakeForReading(string directory)
    {
        try
        {
            return Take(directory);
        }
        catch (LogStoreException unwritable) when (!IsInUse(unwritable.InnerException) && Directory.Exists(directory))
        {
            return new DirectoryLock(File.Exists(PathIn(directory))
                ? Open(directory, FileMode.Open, FileAccess.Read, FileShare.Read)
                : null);
        }
    }

    public void Dispose() => _file?.Dispose();

    private static string PathIn(string directory) => Path.Combine(directory, "lock");

    private static FileStream Open(string directory, FileMode mode, FileAccess access, FileShare share)
    {
        string path = PathIn(directory);
        try
        {
            return new FileStream(path, mode, access, share);
        }
        catch (IOException failure) when (IsInUse(failure))
        {
            throw new LogStoreException(
                $"{directory} is in use by process {ReadOwner(path)}: stop it, or name another data directory.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(directory, failure);
        }
    }

    private static bool IsInUse(Exception? failure) =>
        failure?.HResult is WouldBlockOnLinux or WouldBlockOnMac or SharingViolationOnWindows;

    private static LogStoreException Unusable(string directory, Exception failure) => new(
        $"{directory} cannot be the data directory: {failure.Message.TrimEnd('.')}. Name another one, or see to it that it can " +
        "be written to.",
        failure);

    private static string ReadOwner(string path)
    {
        try
        {
            using var file = NativeFile.OpenUnlocked(path);
            Span<byte> owner = stackalloc byte[16];
            int size = RandomAccess.Read(file, owner, 0);
            return size > 0 ? Encoding.ASCII.GetString(owner[..size]) : "unknown";
        }
        catch (IOException)
        {
            return "unknown";
        }
    }
}
