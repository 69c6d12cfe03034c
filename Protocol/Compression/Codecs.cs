using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>Compresses and decompresses the records part of a batch, with any codec of the protocol.</summary>
public static class Codecs
{
    /// <summary>Appends the compressed form of <paramref name="input"/> in the framing that the Java client writes.</summary>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed.</exception>
    public static void Compress(CompressionCodec codec, ReadOnlySpan<byte> input, PooledBuffer output)
    {
        switch (codec)
        {
            case CompressionCodec.None:
                output.Write(input);
                break;
            case CompressionCodec.Gzip:
                GzipCodec.Compress(input, output);
                break;
            case CompressionCodec.Snappy:
                SnappyCodec.Compress(input, output);
                break;
            case CompressionCodec.Lz4:
                Lz4Codec.Compress(input, output);
                break;
            case CompressionCodec.Zstd:
                ZstdCodec.Compress(input, output);
                break;
            default:
                ThrowUnknown(codec);
                break;
        }
    }

    /// <summary>Appends what <paramref name="input"/> decompresses to; the output's limit bounds it.</summary>
    /// <exception cref="CompressionException">The input is damaged, or its output is over the limit.</exception>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed.</exception>
    public static void Decompress(CompressionCodec codec, in ReadOnlySequence<byte> input, PooledBuffer output)
    {
        switch (codec)
        {
            case CompressionCodec.None:
                foreach (var segment in input)
                    output.Write(segment.Span);
                break;
            case CompressionCodec.Gzip:
                GzipCodec.Decompress(input, output);
                break;
            case CompressionCodec.Snappy:
                SnappyCodec.Decompress(input, output);
                break;
            case CompressionCodec.Lz4:
                Lz4Codec.Decompress(input, output);
                break;
            case CompressionCodec.Zstd:
                ZstdCodec.Decompress(input, output);
                break;
            default:
                ThrowUnknown(codec);
                break;
        }
    }

    /// <summary>The codec's name as compression.type spells it.</summary>
    public static string Name(this CompressionCodec codec) => codec switch
    {
        CompressionCodec.None => "none",
        CompressionCodec.Gzip => "gzip",
        CompressionCodec.Snappy => "snappy",
        CompressionCodec.Lz4 => "lz4",
        CompressionCodec.Zstd => "zstd",
        _ => "codec " + (int)codec,
    };

    [DoesNotReturn]
    private static void ThrowUnknown(CompressionCodec codec) =>
        throw new CompressionException($"There is no compression codec {(int)codec}; known are 0 (none) to 4 (zstd).");
}
