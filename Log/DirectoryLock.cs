using System.Globalization;
using System.Text;
using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Keeps a second process out of a data directory.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <exception cref="LogStoreException">Another process, which the message names, has the directory open.</exception>
    public static DirectoryLock Take(string directory)
    {
        string path = Path.Combine(directory, "lock");
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure)
        {
            throw new LogStoreException(
                $"{directory} is in use by process {ReadOwner(path)}: stop it, or name another data directory.", failure);
        }
        // Over what stands there, which a full disk has room for.
        file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        file.Flush();
        file.SetLength(file.Position);
        return new DirectoryLock(file);
    }

    public void Dispose() => _file.Dispose();

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
