using System.Buffers;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Tests.Protocol.Records;

/// <summary>A record that can be compared: bytes as Latin-1 text.</summary>
internal sealed record TestRecord(long TimestampMs, string? Key, string? Value, params (string Name, string? Value)[] Headers)
{
    public long Offset { get; init; } = -1;

    public bool Equals(TestRecord? other) =>
        other is not null && TimestampMs == other.TimestampMs && Key == other.Key && Value == other.Value
        && (Offset < 0 || other.Offset < 0 || Offset == other.Offset) && Headers.AsSpan().SequenceEqual(other.Headers);

    public override int GetHashCode() => HashCode.Combine(TimestampMs, Key, Value);

    public override string ToString() => $"{Offset} {TimestampMs} {Brief(Key)}={Brief(Value)} {Headers.Length} headers";

    public void AppendTo(RecordBatchBuilder builder)
    {
        var headers = Headers
            .Select(h => new RecordHeader(h.Name, h.Value is null ? default(ReadOnlyMemory<byte>?) : Bytes(h.Value)))
            .ToArray();
        builder.Append(TimestampMs, Bytes(Key), Bytes(Value), headers);
    }

    public static List<TestRecord> ReadAll(byte[] batch) => ReadAll(new ReadOnlySequence<byte>(batch));

    public static List<TestRecord> ReadAll(ReadOnlySequence<byte> batches, int limitSizeBytes = RecordReader.DefaultLimitSizeBytes)
    {
        var read = new List<TestRecord>();
        var reader = new RecordBatchReader(batches);
        while (reader.TryRead(out var header, out var payload))
        {
            using var records = new RecordReader(header, payload, limitSizeBytes);
            while (records.TryRead(out var record))
                read.Add(From(record));
        }
        return read;
    }

    private static TestRecord From(in RecordView record)
    {
        var headers = new List<(string, string?)>();
        foreach (var header in record.Headers)
            headers.Add((Encoding.UTF8.GetString(header.Name), Text(header.Value)));
        return new TestRecord(record.TimestampMs, Text(record.Key), Text(record.Value), [.. headers]) { Offset = record.Offset.Value };
    }

    private static string Brief(string? text) =>
        text is null ? "null" : text.Length > 20 || text.Any(c => c is < ' ' or > '~') ? $"({text.Length} bytes)" : text;

    private static byte[]? Bytes(string? text) => text is null ? null : Encoding.Latin1.GetBytes(text);

    private static string? Text(RecordBytes bytes) => bytes.IsNull ? null : Encoding.Latin1.GetString(bytes.Span);
}
