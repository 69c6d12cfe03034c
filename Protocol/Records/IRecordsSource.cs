using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>Record batches that are not in one buffer yet: a response writes them straight from where they lie (the
/// log's memory or its files) into the connection's output, so that they are copied once.</summary>
public interface IRecordsSource
{
    /// <summary>The exact number of bytes that are written in all.</summary>
    int SizeBytes { get; }

    /// <summary>Writes the bytes that follow those written before. May block on a disk read, never on anything else.</summary>
    /// <param name="sizeBytes">About how many at most, where there are as many.</param>
    /// <returns>How many: at least one, unless all were written.</returns>
    /// <exception cref="IOException">The bytes could not be read; what was written is of no use.</exception>
    int CopyNext(IBufferWriter<byte> output, int sizeBytes);

    /// <summary>Writes all bytes.</summary>
    /// <inheritdoc cref="CopyNext"/>
    sealed void CopyTo(IBufferWriter<byte> output)
    {
        for (var left = SizeBytes; left > 0;) left -= CopyNext(output, left);
    }

    /// <summary>Gives up what keeps the bytes from being reclaimed. Called once, whether they were copied or not.</summary>
    void Release();
}
