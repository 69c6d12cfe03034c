using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Loire.Protocol.Compression;

namespace Loire.Protocol.Records;

/// <summary>Reads the records of one batch in order. Plain records in one buffer are read where they lie; compressed
/// or scattered ones from a pooled buffer, which <see cref="Dispose"/> gives back.</summary>
/// <remarks>Checks the layout of every record, not the batch's checksum (<see cref="RecordBatchValidator"/>).</remarks>
public ref struct RecordReader
{
    /// <summary>What a batch may decompress to where the caller sets no limit of its own.</summary>
    public const int DefaultLimitSizeBytes = 256 * 1024 * 1024;

    // Attributes, timestamp delta, offset delta, key length, value length and headers count, each of one byte.
    private const int SmallestRecordSize = 6;

    private readonly RecordBatchHeader _header;
    private readonly PooledBuffer? _buffer;
    private readonly ReadOnlySpan<byte> _records;
    private int _position;
    private int _index;

    /// <param name="header">The batch's header.</param>
    /// <param name="payload">What follows the header.</param>
    /// <param name="limitSizeBytes">The most bytes the records may decompress to.</param>
    /// <exception cref="CompressionException">The payload is damaged or decompresses to more than the limit.</exception>
    public RecordReader(
        in RecordBatchHeader header, in ReadOnlySequence<byte> payload, int limitSizeBytes = DefaultLimitSizeBytes)
    {
        _header = header;
        if (header.Codec == CompressionCodec.None && payload.IsSingleSegment)
        {
            _records = payload.FirstSpan;
            return;
        }
        var buffer = new PooledBuffer(limitSizeBytes);
        try
        {
            // An emptied batch keeps its codec's bit, but has nothing to decompress.
            if (!payload.IsEmpty)
                Codecs.Decompress(header.Codec, payload, buffer);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
        _buffer = buffer;
        _records = buffer.WrittenSpan;
    }

    /// <summary>The plain records, all of them.</summary>
    public readonly ReadOnlySpan<byte> PlainBytes => _records;

    /// <summary>Reads the next record.</summary>
    /// <returns>False after the last one.</returns>
    /// <exception cref="RecordsException">The bytes are no record, or there are more or fewer than the header says.</exception>
    public bool TryRead(out RecordView record)
    {
        record = default;
        if (_index == _header.RecordsCount)
        {
            if (_position != _records.Length)
                Fail($"{_records.Length - _position} bytes are left over after the last record");
            return false;
        }
        if (!Varints.TryRead(_records, ref _position, out int length)
            || length < SmallestRecordSize
            || length > _records.Length - _position)
        {
            Fail("its length is not one that fits the batch");
        }
        record = ReadBody(_records.Slice(_position, length));
        _position += length;
        _index++;
        return true;
    }

    public readonly void Dispose() => _buffer?.Dispose();

    /// <summary>Reads a length and as many bytes; a negative length is null. For bytes that were checked before.</summary>
    internal static RecordBytes ReadBytes(ReadOnlySpan<byte> bytes, scoped ref int position)
    {
        _ = Varints.TryRead(bytes, ref position, out int length);
        if (length < 0)
            return RecordBytes.Null;
        position += length;
        return new RecordBytes(bytes.Slice(position - length, length));
    }

    private readonly RecordView ReadBody(ReadOnlySpan<byte> body)
    {
        // The first byte holds attributes, of which none is in use.
        var position = 1;
        if (!Varints.TryRead(body, ref position, out long timestampDelta))
            Fail("its timestamp delta is no varint");
        if (!Varints.TryRead(body, ref position, out int offsetDelta))
            Fail("its offset delta is no varint");
        var key = ReadField(body, ref position, "key");
        var value = ReadField(body, ref position, "value");
        if (!Varints.TryRead(body, ref position, out int headersCount) || headersCount < 0)
            Fail("its number of headers is wrong");
        var headers = body[position..];
        for (var i = 0; i < headersCount; i++)
        {
            if (ReadField(body, ref position, "header name").IsNull)
                Fail("a header has no name");
            _ = ReadField(body, ref position, "header value");
        }
        if (position != body.Length)
            Fail($"{body.Length - position} bytes are left over at its end");
        return new RecordView
        {
            Offset = _header.BaseOffset + offsetDelta,
            TimestampMs = _header.IsLogAppendTime ? _header.MaxTimestamp : unchecked(_header.BaseTimestamp + timestampDelta),
            Key = key,
            Value = value,
            Headers = new RecordHeaders(headersCount, headers),
        };
    }

    private readonly RecordBytes ReadField(ReadOnlySpan<byte> body, scoped ref int position, string name)
    {
        if (!Varints.TryRead(body, ref position, out int length) || length < -1 || length > body.Length - position)
            Fail($"the length of its {name} does not fit the record");
        if (length < 0)
            return RecordBytes.Null;
        position += length;
        return new RecordBytes(body.Slice(position - length, length));
    }

    [DoesNotReturn]
    private readonly void Fail(string what) => throw new RecordsException(
        $"Record {_index} of {_header.RecordsCount} in the batch at offset {_header.BaseOffset} is damaged: {what}.");
}
