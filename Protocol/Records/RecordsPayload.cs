using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>The value of a <c>records</c> field: null, bytes as received (a slice of the connection's input, valid
/// while the request is being dispatched), or a source to copy from when the response is written.</summary>
public readonly struct RecordsPayload
{
    private readonly ReadOnlySequence<byte> _bytes;
    private readonly IRecordsSource? _source;
    private readonly bool _hasValue;

    public RecordsPayload(ReadOnlySequence<byte> bytes)
    {
        _bytes = bytes;
        _hasValue = true;
    }

    public RecordsPayload(IRecordsSource source)
    {
        _source = source;
        _hasValue = true;
    }

    public static RecordsPayload Null => default;
    public static RecordsPayload Empty => new(ReadOnlySequence<byte>.Empty);

    public bool IsNull => !_hasValue;
    public IRecordsSource? Source => _source;

    /// <summary>The bytes as received; empty where the payload is null or has a source.</summary>
    public ReadOnlySequence<byte> Bytes => _bytes;

    public int SizeBytes => _source?.SizeBytes ?? checked((int)_bytes.Length);
}
