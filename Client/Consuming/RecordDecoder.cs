using System.Buffers;
using System.Globalization;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>Takes record batches apart: checks their checksums, decompresses them, and leaves keys and values where they
/// lie.</summary>
internal static class RecordDecoder
{
    /// <param name="batches">Whole batches, one after the other.</param>
    /// <param name="fromOffset">Records below it are left out: a batch may start earlier.</param>
    /// <param name="sizeBytes">What the batches take up in memory once they are decompressed.</param>
    /// <exception cref="RecordsException">The bytes are damaged; the message says where.</exception>
    /// <exception cref="CompressionException">They do not decompress.</exception>
    public static List<ConsumeRecord> Decode(ReadOnlyMemory<byte> batches, long fromOffset, out int sizeBytes)
    {
        var records = new List<ConsumeRecord>();
        var total = 0L;
        while (batches.Length >= RecordBatchHeader.SizeBytes)
        {
            var header = RecordBatchHeader.Read(batches.Span);
            var size = header.TotalSizeBytes;
            if (header.Magic != RecordBatchHeader.CurrentMagic || size < RecordBatchHeader.SizeBytes || size > batches.Length)
                throw Damaged(header, "is not a whole batch of format 2");
            var batch = batches[..size];
            if (!RecordBatchValidator.HasRightChecksum(new ReadOnlySequence<byte>(batch), header))
                throw Damaged(header, "does not have the checksum that it claims");
            total += !header.IsControl && header.LastOffset.Value >= fromOffset
                ? RecordBatchHeader.SizeBytes + AddRecords(records, header, batch[RecordBatchHeader.SizeBytes..], fromOffset)
                : size;
            batches = batches[size..];
        }
        sizeBytes = (int)Math.Min(total, int.MaxValue);
        return records;
    }

    /// <returns>The size of the payload, decompressed.</returns>
    private static int AddRecords(
        List<ConsumeRecord> records, RecordBatchHeader header, ReadOnlyMemory<byte> payload, long fromOffset)
    {
        if (header.Codec != CompressionCodec.None && !payload.IsEmpty)
        {
            payload = Decompress(header.Codec, payload);
            header = header with { Attributes = header.Attributes & ~BatchAttributes.CodecMask };
        }
        records.EnsureCapacity(records.Count + header.RecordsCount);
        using var reader = new RecordReader(header, new ReadOnlySequence<byte>(payload));
        while (reader.TryRead(out var record))
        {
            if (record.Offset.Value < fromOffset)
                continue;
            records.Add(new ConsumeRecord(
                record.Offset.Value,
                record.TimestampMs,
                Locate(payload, record.Key),
                Locate(payload, record.Value),
                Locate(payload, record.Headers.Bytes),
                record.Headers.Count));
        }
        return payload.Length;
    }

    private static byte[] Decompress(CompressionCodec codec, ReadOnlyMemory<byte> payload)
    {
        using var plain = new PooledBuffer(RecordReader.DefaultLimitSizeBytes);
        Codecs.Decompress(codec, new ReadOnlySequence<byte>(payload), plain);
        return plain.WrittenSpan.ToArray();
    }

    private static ReadOnlyMemory<byte>? Locate(ReadOnlyMemory<byte> payload, RecordBytes bytes) =>
        bytes.IsNull ? default(ReadOnlyMemory<byte>?) : Locate(payload, bytes.Span);

    private static ReadOnlyMemory<byte> Locate(ReadOnlyMemory<byte> payload, ReadOnlySpan<byte> part) =>
        payload.Span.Overlaps(part, out var start) ? payload.Slice(start, part.Length) : ReadOnlyMemory<byte>.Empty;

    private static RecordsException Damaged(in RecordBatchHeader header, string what) => new(string.Create(
        CultureInfo.InvariantCulture, $"What was read at offset {header.BaseOffset.Value} {what}."));
}
