using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol.Compression;
using Loire.Protocol.Hashing;

namespace Loire.Protocol.Records;

/// <summary>Changes that a broker makes to a valid batch before it stores it.</summary>
public static class RecordBatchRewriter
{
    private const int MaxTimestampPosition = 35;

    /// <summary>Gives every record the time of its append (message.timestamp.type=LogAppendTime).</summary>
    /// <param name="header">The batch's 61 bytes, changed in place. The checksum follows without a look at the records.</param>
    public static void SetLogAppendTime(Span<byte> header, long nowMs) =>
        Rewrite(header, nowMs, attributesToSet: BatchAttributes.LogAppendTime);

    /// <summary>Corrects maxTimestamp where a producer did not send the largest time of the records.</summary>
    /// <inheritdoc cref="SetLogAppendTime"/>
    public static void SetMaxTimestamp(Span<byte> header, long maxTimestampMs) =>
        Rewrite(header, maxTimestampMs, attributesToSet: BatchAttributes.None);

    /// <summary>Writes the batch anew with its records in another codec (compression.type).</summary>
    /// <param name="payload">What follows the header.</param>
    /// <param name="limitSizeBytes">The most bytes the records may decompress to.</param>
    /// <returns>The size of the new batch, header included.</returns>
    /// <exception cref="CompressionException">The records do not decompress, or to more than the limit.</exception>
    /// <exception cref="CodecUnavailableException">A codec's library is not installed.</exception>
    public static int Recompress(
        in RecordBatchHeader header,
        in ReadOnlySequence<byte> payload,
        CompressionCodec codec,
        int limitSizeBytes,
        IBufferWriter<byte> output)
    {
        using var plain = new PooledBuffer(limitSizeBytes);
        using var compressed = new PooledBuffer();
        Codecs.Decompress(header.Codec, payload, plain);
        Codecs.Compress(codec, plain.WrittenSpan, compressed);
        var attributes = (header.Attributes & ~BatchAttributes.CodecMask) | (BatchAttributes)codec;
        return RecordBatchBuilder.Write(header with { Attributes = attributes }, compressed.WrittenSpan, output);
    }

    private static void Rewrite(Span<byte> header, long maxTimestampMs, BatchAttributes attributesToSet)
    {
        var parsed = RecordBatchHeader.Read(header);
        var covered = header[RecordBatchHeader.AttributesPosition..RecordBatchHeader.SizeBytes];
        var before = Crc32C.Compute(covered);
        BinaryPrimitives.WriteInt16BigEndian(
            header[RecordBatchHeader.AttributesPosition..], (short)(parsed.Attributes | attributesToSet));
        BinaryPrimitives.WriteInt64BigEndian(header[MaxTimestampPosition..], maxTimestampMs);
        var crc = Crc32C.ReplaceFirst(
            parsed.Crc, before, Crc32C.Compute(covered), parsed.TotalSizeBytes - RecordBatchHeader.SizeBytes);
        BinaryPrimitives.WriteUInt32BigEndian(header[RecordBatchHeader.CrcPosition..], crc);
    }
}
