namespace Loire.Protocol.Records;

/// <summary>The records of a batch do not follow the format. The message says what is wrong with which.</summary>
public sealed class RecordsException : Exception
{
    public RecordsException(string message)
        : base(message)
    {
    }
}
