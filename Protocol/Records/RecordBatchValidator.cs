using System.Buffers;
using Loire.Protocol.Compression;
using Loire.Protocol.Hashing;

namespace Loire.Protocol.Records;

/// <summary>Checks what a producer sent for one partition, where it lies: nothing is copied or allocated unless the
/// records are compressed and have to be looked into.</summary>
public static class RecordBatchValidator
{
    private const int SmallestRecordSize = 6;

    private const BatchAttributes ProducerAttributes = BatchAttributes.CodecMask
        | BatchAttributes.LogAppendTime | BatchAttributes.Transactional | BatchAttributes.Control;

    /// <summary>Checks that the bytes are exactly one batch that a producer may write: its header, its checksum and the
    /// rules between its header's fields. Its records are not looked into.</summary>
    /// <param name="header">The batch's header, where the status is of a batch of magic 2; else default.</param>
    public static RecordBatchStatus ValidateHeader(in ReadOnlySequence<byte> bytes, out RecordBatchHeader header)
    {
        header = default;
        if (bytes.IsEmpty)
            return RecordBatchStatus.Missing;
        if (bytes.Length <= RecordBatchHeader.MagicPosition)
            return RecordBatchStatus.CutShort;

        Span<byte> scratch = stackalloc byte[RecordBatchHeader.SizeBytes];
        var available = (int)Math.Min(bytes.Length, RecordBatchHeader.SizeBytes);
        bytes.Slice(0, available).CopyTo(scratch);
        var magic = scratch[RecordBatchHeader.MagicPosition];
        if (magic < RecordBatchHeader.CurrentMagic)
            return RecordBatchStatus.OldFormat;
        if (magic > RecordBatchHeader.CurrentMagic)
            return RecordBatchStatus.UnknownFormat;
        if (available < RecordBatchHeader.SizeBytes)
            return RecordBatchStatus.CutShort;

        header = RecordBatchHeader.Read(scratch);
        if (header.BatchLength < RecordBatchHeader.SizeBytes - RecordBatchHeader.LogOverheadBytes)
            return RecordBatchStatus.BadLength;
        var size = header.BatchLength + (long)RecordBatchHeader.LogOverheadBytes;
        if (size > bytes.Length)
            return RecordBatchStatus.CutShort;
        if (size < bytes.Length)
            return RecordBatchStatus.MoreThanOneBatch;
        if (!HasRightChecksum(bytes, header))
            return RecordBatchStatus.BadChecksum;
        return ValidateFields(header);
    }

    /// <summary>As <see cref="ValidateHeader"/>, and looks into the records where they are not compressed.</summary>
    /// <param name="summary">What the records hold; default where they were not looked into.</param>
    public static RecordBatchStatus Validate(
        in ReadOnlySequence<byte> bytes, out RecordBatchHeader header, out RecordsSummary summary)
    {
        summary = default;
        var status = ValidateHeader(bytes, out header);
        return status != RecordBatchStatus.Valid || header.Codec != CompressionCodec.None
            ? status
            : ValidateUncompressed(header, bytes.Slice(RecordBatchHeader.SizeBytes), out summary);
    }

    /// <summary>Looks into the records of a batch whose header is valid, decompressing them if need be. Offset deltas that do
    /// not count up make a compressed batch no less valid: some clients write them so, and Kafka renumbers them. They are told
    /// in the summary.</summary>
    /// <param name="payload">What follows the header.</param>
    /// <param name="limitSizeBytes">The most bytes the records may decompress to.</param>
    public static RecordBatchStatus ValidateRecords(
        in RecordBatchHeader header, in ReadOnlySequence<byte> payload, int limitSizeBytes, out RecordsSummary summary)
    {
        if (header.Codec == CompressionCodec.None)
            return ValidateUncompressed(header, payload, out summary);
        summary = default;
        using var plain = new PooledBuffer(limitSizeBytes);
        try
        {
            Codecs.Decompress(header.Codec, payload, plain);
        }
        catch (CompressionException exception)
        {
            return exception.IsOverLimit ? RecordBatchStatus.DecompressedTooLarge : RecordBatchStatus.BadCompression;
        }
        catch (CodecUnavailableException)
        {
            return RecordBatchStatus.CodecUnavailable;
        }
        return ValidatePlain(header, new ReadOnlySequence<byte>(plain.WrittenMemory), out summary);
    }

    /// <summary>Whether the checksum is that of the bytes, which are one whole batch.</summary>
    public static bool HasRightChecksum(in ReadOnlySequence<byte> batch, in RecordBatchHeader header) =>
        Crc32C.Compute(batch.Slice(RecordBatchHeader.AttributesPosition)) == header.Crc;

    private static RecordBatchStatus ValidateFields(in RecordBatchHeader header)
    {
        if (header.Codec > CompressionCodec.Zstd)
            return RecordBatchStatus.UnknownCodec;
        if ((header.Attributes & ~ProducerAttributes) != 0)
            return RecordBatchStatus.BadAttributes;
        if (header.IsControl)
            return RecordBatchStatus.ControlBatch;
        if (header.IsLogAppendTime)
            return RecordBatchStatus.LogAppendTime;
        if (header.RecordsCount <= 0 || header.RecordsCount - 1 != header.LastOffsetDelta)
            return RecordBatchStatus.BadRecordsCount;
        if (header.HasProducerId && (header.BaseSequence < 0 || header.ProducerEpoch < 0))
            return RecordBatchStatus.BadSequence;
        return RecordBatchStatus.Valid;
    }

    private static RecordBatchStatus ValidateUncompressed(
        in RecordBatchHeader header, in ReadOnlySequence<byte> records, out RecordsSummary summary)
    {
        var status = ValidatePlain(header, records, out summary);
        return status == RecordBatchStatus.Valid && !summary.OffsetDeltasCountUp ? RecordBatchStatus.BadOffsetDelta : status;
    }

    private static RecordBatchStatus ValidatePlain(
        in RecordBatchHeader header, in ReadOnlySequence<byte> records, out RecordsSummary summary)
    {
        summary = default;
        var cursor = new SequenceCursor(records);
        var size = records.Length;
        var minTimestamp = long.MaxValue;
        var maxTimestamp = -1L;
        var hasNullKey = false;
        var countUp = true;
        for (var i = 0; i < header.RecordsCount; i++)
        {
            if (!cursor.TryReadVarint(out var length) || length < SmallestRecordSize || length > size - cursor.Consumed)
                return RecordBatchStatus.BadRecord;
            var end = cursor.Consumed + length;
            // The attributes' byte is unused.
            if (!cursor.TrySkip(1)
                || !cursor.TryReadVarlong(out var timestampDelta)
                || !cursor.TryReadVarint(out var offsetDelta)
                || !TrySkipField(ref cursor, end, out var keyIsNull)
                || !TrySkipField(ref cursor, end, out _)
                || !TrySkipHeaders(ref cursor, end)
                || cursor.Consumed != end)
            {
                return RecordBatchStatus.BadRecord;
            }
            countUp &= offsetDelta == i;
            hasNullKey |= keyIsNull;
            var timestamp = unchecked(header.BaseTimestamp + timestampDelta);
            maxTimestamp = Math.Max(maxTimestamp, timestamp);
            if (timestamp != -1)
                minTimestamp = Math.Min(minTimestamp, timestamp);
        }
        summary = new RecordsSummary
        {
            MinTimestampMs = minTimestamp,
            MaxTimestampMs = maxTimestamp,
            HasNullKey = hasNullKey,
            OffsetDeltasCountUp = countUp,
            HeaderMaxTimestampIsRight = maxTimestamp == header.MaxTimestamp,
        };
        return cursor.Consumed == size ? RecordBatchStatus.Valid : RecordBatchStatus.BadRecord;
    }

    private static bool TrySkipHeaders(ref SequenceCursor cursor, long end)
    {
        if (!cursor.TryReadVarint(out var count) || count < 0)
            return false;
        for (; count > 0; count--)
        {
            if (!TrySkipField(ref cursor, end, out var nameIsNull) || nameIsNull || !TrySkipField(ref cursor, end, out _))
                return false;
        }
        return true;
    }

    private static bool TrySkipField(ref SequenceCursor cursor, long end, out bool isNull)
    {
        isNull = false;
        if (!cursor.TryReadVarint(out var length) || length < -1 || length > end - cursor.Consumed)
            return false;
        isNull = length < 0;
        return isNull || cursor.TrySkip(length);
    }
}
