using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;

namespace Loire.Broker.Groups;

/// <summary>Fills one batch after the other with records. Not thread-safe.</summary>
internal sealed class CoordinatorBatch : IDisposable
{
    private readonly RecordBatchBuilder _builder = new();
    private readonly ArrayBufferWriter<byte> _key = new();
    private readonly ArrayBufferWriter<byte> _value = new();
    private readonly ArrayBufferWriter<byte> _batch = new();

    /// <summary>The largest batch, header included.</summary>
    public int MaxBytes { get; set; }

    public int Count => _builder.Count;
    public int SizeBytes => _builder.PlainSizeBytes;

    /// <returns>NONE; MESSAGE_TOO_LARGE where the batch has no room for the record, be it the first; INVALID_RECORD where
    /// it cannot be written at all.</returns>
    public ErrorCode TryAdd(CoordinatorRecord record, long timestampMs)
    {
        _key.ResetWrittenCount();
        _value.ResetWrittenCount();
        bool hasValue;
        try
        {
            hasValue = CoordinatorRecordCodec.Encode(record, _key, _value);
        }
        catch (Exception tooLong) when (tooLong is WireFormatException or OverflowException)
        {
            return ErrorCode.InvalidRecord;
        }
        if (SizeBytes + RecordBatchBuilder.RecordSizeBound(_key.WrittenCount, _value.WrittenCount, []) > MaxBytes)
            return ErrorCode.MessageTooLarge;
        _builder.Append(timestampMs, _key.WrittenSpan, hasValue ? new RecordBytes(_value.WrittenSpan) : RecordBytes.Null);
        return ErrorCode.None;
    }

    /// <returns>The batch; valid until the next one is built.</returns>
    public ReadOnlyMemory<byte> Build()
    {
        _batch.ResetWrittenCount();
        _builder.Build(_batch);
        return _batch.WrittenMemory;
    }

    public void Dispose() => _builder.Dispose();
}
