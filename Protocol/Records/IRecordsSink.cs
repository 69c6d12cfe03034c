namespace Loire.Protocol.Records;

/// <summary>Takes bytes from where they lie.</summary>
public interface IRecordsSink
{
    /// <summary>Takes as many of the bytes as it can without waiting for anybody; they may be others' once it
    /// returns.</summary>
    /// <returns>How many, from the first on.</returns>
    int Take(ReadOnlySpan<byte> bytes);
}
