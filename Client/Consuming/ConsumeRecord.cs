using System.Diagnostics;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>A record where it lies in what was read: valid as long as anybody holds it.</summary>
public readonly struct ConsumeRecord
{
    private readonly ReadOnlyMemory<byte> _headers;
    private readonly int _headersCount;

    internal ConsumeRecord(
        long offset,
        long timestampMs,
        ReadOnlyMemory<byte>? key,
        ReadOnlyMemory<byte>? value,
        ReadOnlyMemory<byte> headers,
        int headersCount)
    {
        Offset = offset;
        TimestampMs = timestampMs;
        Key = key;
        Value = value;
        _headers = headers;
        _headersCount = headersCount;
    }

    public long Offset { get; }

    /// <summary>Milliseconds since 1970; -1 where the producer gave none.</summary>
    public long TimestampMs { get; }

    public ReadOnlyMemory<byte>? Key { get; }

    /// <summary>Null in a tombstone.</summary>
    public ReadOnlyMemory<byte>? Value { get; }

    public RecordHeaders Headers => new(_headersCount, _headers.Span);

    /// <summary>The trace in which the record was produced.</summary>
    public bool TryGetTraceContext(out ActivityContext context)
    {
        context = default;
        string? parent = null;
        string? state = null;
        foreach (var header in Headers)
        {
            if (header.Name.SequenceEqual("traceparent"u8))
                parent = Encoding.ASCII.GetString(header.Value.Span);
            else if (header.Name.SequenceEqual("tracestate"u8))
                state = Encoding.ASCII.GetString(header.Value.Span);
        }
        return parent is not null && ActivityContext.TryParse(parent, state, isRemote: true, out context);
    }
}
