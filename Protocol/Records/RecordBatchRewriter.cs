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

    /// <summary>Writes the batch anew with its records in a codec (compression.type).</summary>
    /// <param name="payload">What follows the header, checked before.</param>
    /// <param name="renumbers">Whether the records' offset deltas are to be made 0, 1, 2 ...</param>
    /// <param name="limitSizeBytes">The most bytes the records may decompress to.</param>
    /// <returns>The size of the new batch, header included.</returns>
    /// <exception cref="CompressionException">The records do not decompress, or to more than the limit.</exception>
    /// <exception cref="CodecUnavailableException">A codec's library is not installed.</exception>
    public static int Recompress(
        in RecordBatchHeader header,
        in ReadOnlySequence<byte> payload,
        CompressionCodec codec,
        bool renumbers,
        int limitSizeBytes,
        IBufferWriter<byte> output)
    {
        using var plain = new PooledBuffer(limitSizeBytes);
        using var renumbered = new PooledBuffer();
        using var compressed = new PooledBuffer();
        Codecs.Decompress(header.Codec, payload, plain);
        if (renumbers)
            Renumber(plain.WrittenSpan, header.RecordsCount, renumbered);
        Codecs.Compress(codec, renumbers ? renumbered.WrittenSpan : plain.WrittenSpan, compressed);
        var attributes = (header.Attributes & ~BatchAttributes.CodecMask) | (BatchAttributes)codec;
        return RecordBatchBuilder.Write(header with { Attributes = attributes }, compressed.WrittenSpan, output);
    }

    private static void Renumber(ReadOnlySpan<byte> records, int count, PooledBuffer output)
    {
        var position = 0;
        for (var i = 0; i < count; i++)
        {
            _ = Varints.TryRead(records, ref position, out int length);
            var record = records.Slice(position, length);
            position += length;

            var start = 1;
            _ = Varints.TryRead(record, ref start, out long _);
            var end = start;
            _ = Varints.TryRead(record, ref end, out int _);
            var size = start + Varints.SizeOf(i) + record.Length - end;
            var target = output.GetSpan(Varints.MaxSizeInt32 + size);
            var written = Varints.Write(target, size);
            record[..start].CopyTo(target[written..]);
            written += start;
            written += Varints.Write(target[written..], i);
            record[end..].CopyTo(target[written..]);
            output.Advance(written + record.Length - end);
        }
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
