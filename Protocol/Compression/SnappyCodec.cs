using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>Snappy in the two shapes that clients send: the Xerial frame of the Java client (which is also written, as
/// every client reads it) and one bare block, as librdkafka and franz-go send.</summary>
/// <remarks>Xerial frame: magic (8 bytes), version and oldest reader (int32 each, big-endian), then chunks of an int32
/// length and a Snappy block. It has no end mark.</remarks>
internal static class SnappyCodec
{
    private const int FrameHeaderSize = 16;
    private const int ChunkInputSize = 32 * 1024;
    private const int FrameVersion = 1;

    private static ReadOnlySpan<byte> FrameMagic => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    public static void Compress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        var header = output.GetSpan(FrameHeaderSize);
        FrameMagic.CopyTo(header);
        BinaryPrimitives.WriteInt32BigEndian(header[8..], FrameVersion);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], FrameVersion);
        output.Advance(FrameHeaderSize);
        while (!input.IsEmpty)
        {
            var chunk = input[..Math.Min(ChunkInputSize, input.Length)];
            var target = output.GetSpan(sizeof(int) + SnappyBlock.MaxCompressedSize(chunk.Length));
            var size = SnappyBlock.Compress(chunk, target[sizeof(int)..]);
            BinaryPrimitives.WriteInt32BigEndian(target, size);
            output.Advance(sizeof(int) + size);
            input = input[chunk.Length..];
        }
    }

    public static void Decompress(in ReadOnlySequence<byte> input, PooledBuffer output)
    {
        if (input.IsSingleSegment)
        {
            Decompress(input.FirstSpan, output);
            return;
        }
        var length = checked((int)input.Length);
        var contiguous = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            input.CopyTo(contiguous);
            Decompress(contiguous.AsSpan(0, length), output);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(contiguous);
        }
    }

    private static void Decompress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        if (!input.StartsWith(FrameMagic))
        {
            SnappyBlock.Decompress(input, output);
            return;
        }
        if (input.Length < FrameHeaderSize)
            CompressionException.ThrowDamaged(CompressionCodec.Snappy, "its frame header is cut short");
        input = input[FrameHeaderSize..];
        while (!input.IsEmpty)
        {
            if (!BinaryPrimitives.TryReadInt32BigEndian(input, out var size) || size < 0 || size > input.Length - sizeof(int))
                CompressionException.ThrowDamaged(CompressionCodec.Snappy, "a chunk is longer than what is left of the frame");
            SnappyBlock.Decompress(input.Slice(sizeof(int), size), output);
            input = input[(sizeof(int) + size)..];
        }
    }
}
