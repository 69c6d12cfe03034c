using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>Records of one partition that travel together, and who waits for them. Reused.</summary>
internal sealed class ProduceBatch : IDisposable
{
    private readonly RecordBatchBuilder _builder;
    private readonly List<RecordCompletion> _completions = [];
    private ArrayBufferWriter<byte> _output = new();
    private TaskCompletionSource? _settled;

    public ProduceBatch(CompressionCodec codec) => _builder = new RecordBatchBuilder { Codec = codec };

    public int RecordsCount => _completions.Count;
    public int PlainSizeBytes => _builder.PlainSizeBytes;

    /// <summary>Before compression, of the largest it ever was: its buffers have grown to that.</summary>
    public int LargestSizeBytes { get; private set; }

    /// <summary>What its records took of the buffer's budget.</summary>
    public int ReservedSizeBytes { get; private set; }

    /// <summary>When its first record came.</summary>
    public long StartedTimestamp { get; private set; }

    /// <summary>It is to leave without lingering.</summary>
    public bool IsUrgent { get; set; }

    /// <summary>Completes when the batch is delivered or given up.</summary>
    public Task Settled =>
        (_settled ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Start(long timestamp)
    {
        StartedTimestamp = timestamp;
        IsUrgent = false;
    }

    public void Add(in OutgoingRecord record, int reservedSizeBytes, RecordCompletion completion)
    {
        _builder.Append(
            record.TimestampMs,
            record.Key is { } key ? new RecordBytes(key.Span) : RecordBytes.Null,
            record.Value is { } value ? new RecordBytes(value.Span) : RecordBytes.Null,
            record.Headers.Span);
        ReservedSizeBytes += reservedSizeBytes;
        _completions.Add(completion);
    }

    /// <summary>The batch as it is sent. The receiver may hold the bytes by reference until the batch is settled, or, where
    /// they are disowned, as long as it likes.</summary>
    public ReadOnlyMemory<byte> Build(long producerId, int baseSequence)
    {
        _builder.ProducerId = new ProducerId(producerId);
        _builder.ProducerEpoch = (short)(producerId < 0 ? -1 : 0);
        _builder.BaseSequence = producerId < 0 ? -1 : baseSequence;
        LargestSizeBytes = Math.Max(LargestSizeBytes, PlainSizeBytes);
        _output.ResetWrittenCount();
        _builder.Build(_output);
        return _output.WrittenMemory;
    }

    /// <summary>A call that failed may still be on its way with the bytes: they are not written over.</summary>
    public void DisownBytes() => _output = new ArrayBufferWriter<byte>();

    /// <summary>A copy of a built batch under a new producer id, as the first of its sequence.</summary>
    public static ReadOnlyMemory<byte> Restamp(ReadOnlyMemory<byte> built, long producerId)
    {
        var copy = built.ToArray();
        var header = RecordBatchHeader.Read(copy) with
        {
            ProducerId = new ProducerId(producerId),
            ProducerEpoch = 0,
            BaseSequence = 0,
        };
        header.Write(copy);
        BinaryPrimitives.WriteUInt32BigEndian(
            copy.AsSpan(RecordBatchHeader.CrcPosition),
            Crc32C.Compute(copy.AsSpan(RecordBatchHeader.AttributesPosition)));
        return copy;
    }

    public void Succeed(string topic, int partition, long baseOffset)
    {
        for (var i = 0; i < _completions.Count; i++)
            _completions[i].Succeed(new RecordPosition(topic, partition, baseOffset < 0 ? -1 : baseOffset + i));
        Settle();
    }

    public void Fail(Exception exception)
    {
        foreach (var completion in _completions)
            completion.Fail(exception);
        DisownBytes();
        Settle();
    }

    public void Dispose() => _builder.Dispose();

    private void Settle()
    {
        _completions.Clear();
        _builder.Clear();
        ReservedSizeBytes = 0;
        _settled?.SetResult();
        _settled = null;
    }
}

/// <param name="TimestampMs">Milliseconds since 1970.</param>
internal readonly record struct OutgoingRecord(
    ReadOnlyMemory<byte>? Key,
    ReadOnlyMemory<byte>? Value,
    ReadOnlyMemory<RecordHeader> Headers,
    int? Partition,
    long TimestampMs);
