namespace Loire.Tests.Fakes;

/// <summary>Flips a bit of a journal that nobody has open.</summary>
public static class JournalDamage
{
    private const int LookedAtBytes = 4 << 20;

    /// <summary>In the middle of what the first segment holds: far behind the creation of the logs, and far before what was
    /// appended last.</summary>
    public static void Inflict(string dataDirectory)
    {
        using var file = File.OpenHandle(
            Path.Combine(dataDirectory, "journal", "0000000000.journal"), FileMode.Open, FileAccess.ReadWrite);
        var bytes = new byte[LookedAtBytes];
        RandomAccess.Read(file, bytes, 0);
        var at = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) / 2;
        while (bytes[at] == 0) at++;
        RandomAccess.Write(file, [(byte)(bytes[at] ^ 4)], at);
    }
}
