namespace Loire.Embedded.Engine;

/// <summary>The data directory cannot be used as it is. The message names the file, the place in it, and what mends
/// it.</summary>
public sealed class DataDirectoryException : Exception
{
    public DataDirectoryException(string message)
        : base(message)
    {
    }

    public DataDirectoryException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
