using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Loire.Protocol.Hashing;

namespace Loire.Embedded.Engine;

/// <summary>A line of the catalog's file: the CRC-32C of the JSON in eight hex digits, a space, the JSON, a line
/// feed.</summary>
internal static class CatalogLine
{
    private const int PrefixLength = 9;

    public static void Write<T>(IBufferWriter<byte> output, T value, JsonTypeInfo<T> type)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        var line = output.GetSpan(PrefixLength + json.Length + 1);
        Utf8Formatter.TryFormat(Crc32C.Compute(json), line, out _, new StandardFormat('x', 8));
        line[PrefixLength - 1] = (byte)' ';
        json.CopyTo(line[PrefixLength..]);
        line[PrefixLength + json.Length] = (byte)'\n';
        output.Advance(PrefixLength + json.Length + 1);
    }

    /// <summary>The JSON of a line without its line feed; false where the checksum does not agree.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> json)
    {
        json = line.Length > PrefixLength ? line[PrefixLength..] : default;
        return line.Length > PrefixLength
            && line[PrefixLength - 1] == (byte)' '
            && Utf8Parser.TryParse(line[..(PrefixLength - 1)], out uint checksum, out var consumed, 'x')
            && consumed == PrefixLength - 1
            && checksum == Crc32C.Compute(json);
    }
}
