using System.Diagnostics;

namespace Loire.Tests.Standalone;

/// <summary>A file system of a few megabytes, in memory, that can be filled and made larger. Root may mount one.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string directory) => Directory = directory;

    public string Directory { get; }

    private string FillerPath => Path.Combine(Directory, "filler");

    /// <returns>Null where none can be mounted; <paramref name="reason"/> says why.</returns>
    public static SmallDisk? TryMount(int sizeMegabytes, out string reason)
    {
        reason = "mounting a small file system needs Linux and root";
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess) return null;
        var directory = System.IO.Directory.CreateTempSubdirectory("loire-disk-").FullName;
        reason = Run("mount", "-t", "tmpfs", "-o", $"size={sizeMegabytes}m", "loire-test", directory);
        if (reason.Length == 0) return new SmallDisk(directory);
        System.IO.Directory.Delete(directory);
        return null;
    }

    /// <summary>Takes all the room that is left, as another program would.</summary>
    public void Fill()
    {
        using var filler = new FileStream(FillerPath, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var page = new byte[4096];
        try
        {
            while (true) filler.Write(page);
        }
        catch (IOException)
        {
            // That was the room.
        }
    }

    public void Grow(int sizeMegabytes) => Remount($"size={sizeMegabytes}m");

    public void MakeReadOnly() => Remount("ro");

    public void Dispose()
    {
        if (Run("umount", Directory) is { Length: > 0 } error) throw new InvalidOperationException(error);
        System.IO.Directory.Delete(Directory);
    }

    private void Remount(string options)
    {
        if (Run("mount", "-o", "remount," + options, Directory) is { Length: > 0 } error)
            throw new InvalidOperationException(error);
    }

    /// <returns>What it complained of; empty when it went well.</returns>
    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? "" : $"{program}: {error.Trim()}";
    }
}
