using System.Buffers;
using System.IO.Compression;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>One RFC 1952 stream.</summary>
internal static class GzipCodec
{
    private const int ReadSize = 16 * 1024;

    public static void Compress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        using var gzip = new GZipStream(new BufferWriterStream(output), CompressionLevel.Fastest);
        gzip.Write(input);
    }

    public static void Decompress(in ReadOnlySequence<byte> input, PooledBuffer output)
    {
        using var gzip = new GZipStream(new SequenceStream(input), CompressionMode.Decompress);
        try
        {
            if (input.IsEmpty)
                CompressionException.ThrowDamaged(CompressionCodec.Gzip, "it is empty");
            while (true)
            {
                // Once the limit is reached, one byte more tells an exact fit from an overrun.
                var free = output.LimitSizeBytes - output.WrittenCount;
                if (free == 0)
                {
                    if (gzip.ReadByte() >= 0)
                        throw CompressionException.OverLimit(output.LimitSizeBytes);
                    return;
                }
                var read = gzip.Read(output.GetSpan(Math.Min(free, ReadSize)));
                if (read == 0)
                    return;
                output.Advance(read);
            }
        }
        catch (InvalidDataException exception)
        {
            throw new CompressionException("The gzip payload is damaged: " + exception.Message, exception);
        }
    }
}
