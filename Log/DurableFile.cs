namespace Loire.Log;

/// <summary>Replaces small files whole: after a crash there is the old one or the new one. Where the disk is full nothing is left
/// of the new one.</summary>
public static class DurableFile
{
    /// <summary>Of a file that is being made to take another's name.</summary>
    internal const string AsideExtension = ".new";

    public static void Write(
        string path, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default, ReadOnlySpan<byte> third = default)
    {
        string aside = path + AsideExtension;
        try
        {
            using var file = File.OpenHandle(aside, FileMode.Create, FileAccess.Write);
            RandomAccess.Write(file, first, 0);
            RandomAccess.Write(file, second, first.Length);
            RandomAccess.Write(file, third, (long)first.Length + second.Length);
            RandomAccess.FlushToDisk(file);
        }
        catch (IOException full) when (NativeFile.IsDiskFull(full))
        {
            File.Delete(aside);
            throw;
        }
        File.Move(aside, path, overwrite: true);
        NativeFile.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Creates a directory, and those it lies in, so that a crash does not take them back.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path) || Path.GetDirectoryName(path) is not { } parent)
            return;
        CreateDirectory(parent);
        Directory.CreateDirectory(path);
        NativeFile.SyncDirectory(parent);
    }
}
