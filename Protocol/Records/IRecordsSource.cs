using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>Record batches that are not in one buffer yet: a response sends them from where they lie in the log's memory,
/// or writes them straight from there or the log's files into the connection's output, so that they are copied once at
/// most.</summary>
public interface IRecordsSource
{
    /// <summary>The exact number of bytes that are written in all.</summary>
    int SizeBytes { get; }

    /// <summary>Writes the bytes that follow those written before. May block on a disk read, never on anything else.</summary>
    /// <param name="sizeBytes">About how many at most, where there are as many.</param>
    /// <returns>How many: at least one, unless all were written.</returns>
    /// <exception cref="IOException">The bytes could not be read; what was written is of no use.</exception>
    int CopyNext(IBufferWriter<byte> output, int sizeBytes);

    /// <summary>Gives a sink bytes that follow, where they lie in memory. Blocks on nothing but the sink.</summary>
    /// <param name="taken">How many it took.</param>
    /// <returns>False when those that come next are not in memory, or all were given: <see cref="CopyNext"/> goes on.</returns>
    bool TryGiveNext(IRecordsSink sink, out int taken)
    {
        taken = 0;
        return false;
    }

    /// <summary>Writes all bytes.</summary>
    /// <inheritdoc cref="CopyNext"/>
    sealed void CopyTo(IBufferWriter<byte> output)
    {
        for (var left = SizeBytes; left > 0;) left -= CopyNext(output, left);
    }

    /// <summary>Gives up what keeps the bytes from being reclaimed. Called once, whether they were copied or not.</summary>
    void Release();
}
