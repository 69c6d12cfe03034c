using System.Text;

namespace Loire.Cli.Shared;

/// <summary>The standard output where it is redirected.</summary>
internal static class StandardOutput
{
    /// <summary>The error number of a write to a pipe that nobody reads any more.</summary>
    private const int BrokenPipe = 32;

    private const int BufferSize = 64 * 1024;

    /// <summary>Buffered, for there may be many records; whoever writes flushes.</summary>
    public static StreamWriter Open() => new(OpenPipe() ?? Console.OpenStandardOutput(), new UTF8Encoding(false), BufferSize);

    public static bool IsReaderGone(IOException exception) => exception.HResult == BrokenPipe;

    /// <summary>The console's own stream keeps it to itself when a pipe's reader is gone, as after <c>| head</c>: a command would
    /// print for nobody for ever, and commit what it printed.</summary>
    /// <returns>Null where the output is no pipe.</returns>
    private static FileStream? OpenPipe()
    {
        try
        {
            var pipe = new FileStream("/dev/stdout", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            if (!pipe.CanSeek)
                return pipe;
            pipe.Dispose();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
