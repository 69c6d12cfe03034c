using System.Text;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Cli.Records;

internal enum RecordFormat
{
    Value,
    KeyValue,
    Full,
}

/// <summary>Prints records as they are consumed: their bytes as they are; in JSON as text where they are UTF-8, else as an object
/// with base64.</summary>
internal sealed class RecordPrinter(Output output, RecordFormat format, string keySeparator)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public void Print(TopicPartition partition, in RecordView record)
    {
        if (output.IsJson)
        {
            PrintJson(partition, record);
            return;
        }
        var writer = output.Writer;
        if (format == RecordFormat.Full)
        {
            var time = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(record.TimestampMs, 0, 253402300799999));
            writer.Write($"{partition} @{record.Offset} {time:yyyy-MM-ddTHH:mm:ss.fffZ} ");
            foreach (var header in record.Headers)
            {
                writer.Write($"{Encoding.UTF8.GetString(header.Name)}=");
                Print(header.Value);
                writer.Write(' ');
            }
        }
        if (format != RecordFormat.Value)
        {
            Print(record.Key);
            writer.Write(keySeparator);
        }
        Print(record.Value);
        writer.WriteLine();
    }

    private void Print(RecordBytes bytes) => output.Bytes(bytes.IsNull ? "null"u8 : bytes.Span);

    private void PrintJson(TopicPartition partition, in RecordView record)
    {
        var headers = new List<object>(record.Headers.Count);
        foreach (var header in record.Headers)
            headers.Add(new { name = Encoding.UTF8.GetString(header.Name), value = ToJson(header.Value) });
        output.JsonLine(new
        {
            topic = partition.Topic.Value,
            partition = partition.Partition.Value,
            offset = record.Offset.Value,
            timestamp = record.TimestampMs,
            key = ToJson(record.Key),
            value = ToJson(record.Value),
            headers,
        });
    }

    private static object? ToJson(RecordBytes bytes)
    {
        if (bytes.IsNull)
            return null;
        try
        {
            return Strict.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return new { base64 = Convert.ToBase64String(bytes.Span) };
        }
    }
}
