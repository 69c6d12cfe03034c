using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Proves every byte of a journal without changing any.</summary>
public static class LogVerifier
{
    /// <param name="progress">Told now and then: bytes done, bytes in all.</param>
    /// <exception cref="LogStoreException">The directory is in use, of a newer format or not a log's.</exception>
    public static LogReport Verify(string dataDirectory, Action<long, long>? progress = null)
    {
        using var inUse = DirectoryLock.Take(dataDirectory);
        var directory = JournalSurvey.Open(dataDirectory);
        using var files = directory.Files;
        return JournalSurvey.Run(directory, progress).ToReport();
    }
}
