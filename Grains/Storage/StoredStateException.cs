namespace Loire.Grains.Storage;

/// <summary>What a controller keeps cannot be read or written. The message says where, and what helps.</summary>
[GenerateSerializer, Alias("Loire.StoredStateException")]
internal sealed class StoredStateException : Exception
{
    public StoredStateException(string message)
        : base(message)
    {
    }

    public StoredStateException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
