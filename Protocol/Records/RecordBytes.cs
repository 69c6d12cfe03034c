using System.Text;

namespace Loire.Protocol.Records;

/// <summary>A record's key or value: null, or bytes, which may be none.</summary>
public readonly ref struct RecordBytes
{
    private readonly bool _hasValue;

    public RecordBytes(ReadOnlySpan<byte> bytes)
    {
        Span = bytes;
        _hasValue = true;
    }

    public static RecordBytes Null => default;
    public bool IsNull => !_hasValue;

    /// <summary>Empty where there is no value.</summary>
    public ReadOnlySpan<byte> Span { get; }

    public int Length => Span.Length;

    public static implicit operator RecordBytes(ReadOnlySpan<byte> bytes) => new(bytes);

    public static implicit operator RecordBytes(byte[]? bytes) => bytes is null ? Null : new(bytes);

    public byte[]? ToArray() => IsNull ? null : Span.ToArray();

    /// <summary>The bytes as UTF-8 text; null where there is no value.</summary>
    public string? ToText() => IsNull ? null : Encoding.UTF8.GetString(Span);
}
