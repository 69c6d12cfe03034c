using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>Walks the batches of a <c>records</c> field, as a fetch returns it. A batch cut short at the end is
/// dropped, as Kafka's readers do.</summary>
public ref struct RecordBatchReader
{
    private ReadOnlySequence<byte> _rest;

    public RecordBatchReader(in ReadOnlySequence<byte> batches)
    {
        _rest = batches;
    }

    /// <summary>Reads the next whole batch.</summary>
    /// <param name="header">The batch's header.</param>
    /// <param name="payload">What follows the header.</param>
    /// <returns>False where no whole batch is left.</returns>
    /// <exception cref="RecordsException">The bytes are no batch of magic 2.</exception>
    public bool TryRead(out RecordBatchHeader header, out ReadOnlySequence<byte> payload)
    {
        header = default;
        payload = default;
        if (_rest.Length < RecordBatchHeader.SizeBytes)
            return false;
        Span<byte> scratch = stackalloc byte[RecordBatchHeader.SizeBytes];
        _rest.Slice(0, RecordBatchHeader.SizeBytes).CopyTo(scratch);
        header = RecordBatchHeader.Read(scratch);
        if (header.Magic != RecordBatchHeader.CurrentMagic)
            throw new RecordsException($"A batch has magic {header.Magic}; only {RecordBatchHeader.CurrentMagic} is supported.");
        if (header.BatchLength < RecordBatchHeader.SizeBytes - RecordBatchHeader.LogOverheadBytes)
            throw new RecordsException($"The batch at offset {header.BaseOffset} claims a length of {header.BatchLength} bytes.");
        var size = header.BatchLength + (long)RecordBatchHeader.LogOverheadBytes;
        if (size > _rest.Length)
            return false;
        payload = _rest.Slice(RecordBatchHeader.SizeBytes, size - RecordBatchHeader.SizeBytes);
        _rest = _rest.Slice(size);
        return true;
    }
}
