using System.Buffers;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>Record batches of texts.</summary>
internal static class TestBatch
{
    public static byte[] Of(string value, long timestampMs = 1_000)
    {
        using var builder = new RecordBatchBuilder();
        builder.Append(timestampMs, default, Encoding.UTF8.GetBytes(value));
        var bytes = new ArrayBufferWriter<byte>();
        builder.Build(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    public static List<string> Values(ReadOnlyMemory<byte> batches)
    {
        var values = new List<string>();
        var reader = new RecordBatchReader(new ReadOnlySequence<byte>(batches));
        while (reader.TryRead(out var header, out var payload))
        {
            using var records = new RecordReader(header, payload);
            while (records.TryRead(out var record)) values.Add(Encoding.UTF8.GetString(record.Value.Span));
        }

        return values;
    }
}
