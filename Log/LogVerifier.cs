using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Proves every byte of a journal without changing any, on a read-only file system too.</summary>
public static class LogVerifier
{
    /// <param name="progress">Told now and then: bytes done, bytes in all.</param>
    /// <exception cref="LogStoreException">The directory is in use, of a newer format or not a log's.</exception>
    public static LogReport Verify(string dataDirectory, Action<long, long>? progress = null) =>
        Verify(dataDirectory, progress, open: null);

    /// <param name="open">Makes the files of the journal; tests put faults in between.</param>
    internal static LogReport Verify(
        string dataDirectory, Action<long, long>? progress, Func<string, JournalGeometry, JournalFiles>? open)
    {
        using var inUse = DirectoryLock.TakeForReading(dataDirectory);
        var directory = JournalSurvey.Open(dataDirectory, open);
        using var files = directory.Files;
        return JournalSurvey.Run(directory, progress).ToReport();
    }
}
