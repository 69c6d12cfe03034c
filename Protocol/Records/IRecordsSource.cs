using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>Record batches that are not in one buffer yet: a response writes them straight from where they lie (the
/// log's memory or its files) into the connection's output, so that they are copied once.</summary>
public interface IRecordsSource
{
    /// <summary>The exact number of bytes that <see cref="CopyTo"/> writes.</summary>
    int SizeBytes { get; }

    /// <summary>Writes the batches. May block on a disk read, never on anything else. Called at most once.</summary>
    /// <exception cref="IOException">The bytes could not be read; nothing that was written may be sent.</exception>
    void CopyTo(IBufferWriter<byte> output);

    /// <summary>Gives up what keeps the bytes from being reclaimed. Called once, whether they were copied or not.</summary>
    void Release();
}
