using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Loire.Protocol.Compression;
using Loire.Protocol.Hashing;

namespace Loire.Protocol.Records;

/// <summary>Builds record batches, one after the other, in pooled buffers that it keeps. Not thread-safe.</summary>
public sealed class RecordBatchBuilder : IDisposable
{
    private const int FixedRecordMaxSize = 64;

    private readonly PooledBuffer _records = new();
    private readonly PooledBuffer _compressed = new();
    private int _count;
    private int _lastOffsetDelta;
    private long _baseTimestampMs = -1;
    private long _maxTimestampMs = -1;

    public CompressionCodec Codec { get; set; }
    public bool IsTransactional { get; set; }
    public bool IsControl { get; set; }
    public ProducerId ProducerId { get; set; } = ProducerId.None;
    public short ProducerEpoch { get; set; } = -1;

    /// <summary>The first record's sequence number; -1 where the producer is not idempotent, and in markers.</summary>
    public int BaseSequence { get; set; } = -1;

    public int Count => _count;

    /// <summary>The batch's size, header included, before compression.</summary>
    public int PlainSizeBytes => RecordBatchHeader.SizeBytes + _records.WrittenCount;

    public long MaxTimestampMs => _maxTimestampMs;

    /// <summary>An upper bound of what a record adds to <see cref="PlainSizeBytes"/>.</summary>
    public static int RecordSizeBound(int keyLength, int valueLength, ReadOnlySpan<RecordHeader> headers)
    {
        var size = FixedRecordMaxSize + keyLength + valueLength;
        foreach (var header in headers)
            size += (2 * Varints.MaxSizeInt32) + Encoding.UTF8.GetMaxByteCount(header.Name.Length) + (header.Value?.Length ?? 0);
        return size;
    }

    /// <param name="timestampMs">Milliseconds since 1970; -1 for none.</param>
    public void Append(
        long timestampMs, RecordBytes key, RecordBytes value, ReadOnlySpan<RecordHeader> headers = default) =>
        Append(_count == 0 ? 0 : _lastOffsetDelta + 1, timestampMs, key, value, headers);

    /// <summary>Appends a record at an offset of the caller's choice, as compaction leaves them.</summary>
    /// <param name="offsetDelta">Above that of the record before it.</param>
    public void Append(
        int offsetDelta, long timestampMs, RecordBytes key, RecordBytes value, ReadOnlySpan<RecordHeader> headers = default)
    {
        if (_count > 0)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(offsetDelta, _lastOffsetDelta);
        else
            _baseTimestampMs = timestampMs;

        var timestampDelta = timestampMs - _baseTimestampMs;
        var bodySize = 1 + Varints.SizeOf(timestampDelta) + Varints.SizeOf(offsetDelta)
            + SizeOfField(key.IsNull, key.Length) + SizeOfField(value.IsNull, value.Length) + SizeOfHeaders(headers);
        var output = _records.GetSpan(Varints.MaxSizeInt32 + bodySize);
        var position = Varints.Write(output, bodySize);
        output[position++] = 0;
        position += Varints.Write(output[position..], timestampDelta);
        position += Varints.Write(output[position..], offsetDelta);
        WriteField(output, ref position, key);
        WriteField(output, ref position, value);
        WriteHeaders(output, ref position, headers);
        _records.Advance(position);

        _count++;
        _lastOffsetDelta = offsetDelta;
        _maxTimestampMs = Math.Max(_maxTimestampMs, timestampMs);
    }

    /// <summary>Writes the batch and starts the next one; the producer's fields and the codec stay as they are.</summary>
    /// <returns>The size of the batch, header included.</returns>
    /// <exception cref="InvalidOperationException">No record was appended.</exception>
    /// <exception cref="CodecUnavailableException">The codec's library is not installed. Nothing is lost.</exception>
    public int Build(IBufferWriter<byte> output, Offset baseOffset = default)
    {
        if (_count == 0)
            throw new InvalidOperationException("A batch needs at least one record.");
        var payload = _records.WrittenSpan;
        if (Codec != CompressionCodec.None)
        {
            _compressed.Clear();
            Codecs.Compress(Codec, payload, _compressed);
            payload = _compressed.WrittenSpan;
        }
        var header = new RecordBatchHeader
        {
            BaseOffset = baseOffset,
            PartitionLeaderEpoch = LeaderEpoch.None,
            Attributes = (BatchAttributes)Codec
                | (IsTransactional ? BatchAttributes.Transactional : 0)
                | (IsControl ? BatchAttributes.Control : 0),
            LastOffsetDelta = _lastOffsetDelta,
            BaseTimestamp = _baseTimestampMs,
            MaxTimestamp = _maxTimestampMs,
            ProducerId = ProducerId,
            ProducerEpoch = ProducerEpoch,
            BaseSequence = BaseSequence,
            RecordsCount = _count,
        };
        var size = Write(header, payload, output);
        Clear();
        return size;
    }

    /// <summary>Drops what was appended since the last batch.</summary>
    public void Clear()
    {
        _records.Clear();
        _count = 0;
        _baseTimestampMs = -1;
        _maxTimestampMs = -1;
    }

    public void Dispose()
    {
        _records.Dispose();
        _compressed.Dispose();
    }

    /// <summary>Writes a batch from its header, whose length, magic and checksum are set here, and its payload.</summary>
    internal static int Write(RecordBatchHeader header, ReadOnlySpan<byte> payload, IBufferWriter<byte> output)
    {
        var size = RecordBatchHeader.SizeBytes + payload.Length;
        var target = output.GetSpan(size)[..size];
        header = header with
        {
            BatchLength = size - RecordBatchHeader.LogOverheadBytes,
            Magic = RecordBatchHeader.CurrentMagic,
        };
        header.Write(target);
        payload.CopyTo(target[RecordBatchHeader.SizeBytes..]);
        BinaryPrimitives.WriteUInt32BigEndian(
            target[RecordBatchHeader.CrcPosition..], Crc32C.Compute(target[RecordBatchHeader.AttributesPosition..]));
        output.Advance(size);
        return size;
    }

    private static int SizeOfField(bool isNull, int length) => isNull ? 1 : Varints.SizeOf(length) + length;

    private static int SizeOfHeaders(ReadOnlySpan<RecordHeader> headers)
    {
        var size = Varints.SizeOf(headers.Length);
        foreach (var header in headers)
        {
            size += SizeOfField(isNull: false, Encoding.UTF8.GetByteCount(header.Name));
            size += SizeOfField(header.Value is null, header.Value?.Length ?? 0);
        }
        return size;
    }

    private static void WriteField(Span<byte> output, ref int position, RecordBytes bytes)
    {
        position += Varints.Write(output[position..], bytes.IsNull ? -1 : bytes.Length);
        bytes.Span.CopyTo(output[position..]);
        position += bytes.Length;
    }

    private static void WriteHeaders(Span<byte> output, ref int position, ReadOnlySpan<RecordHeader> headers)
    {
        position += Varints.Write(output[position..], headers.Length);
        foreach (var header in headers)
        {
            position += Varints.Write(output[position..], Encoding.UTF8.GetByteCount(header.Name));
            position += Encoding.UTF8.GetBytes(header.Name, output[position..]);
            WriteField(output, ref position, header.Value is { } value ? new RecordBytes(value.Span) : RecordBytes.Null);
        }
    }
}
