using System.Text;

namespace Loire.Cli.Records;

/// <summary>How a line of input becomes a key and a value.</summary>
internal sealed class LineFormat(string? keySeparator, bool emptyIsNull)
{
    private readonly byte[]? _separator = keySeparator is null ? null : Encoding.UTF8.GetBytes(keySeparator);

    /// <summary>A line without the separator is a value without a key.</summary>
    public (ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value) Split(ReadOnlyMemory<byte> line)
    {
        ReadOnlyMemory<byte>? key = null;
        if (_separator is not null)
        {
            var at = line.Span.IndexOf(_separator);
            if (at >= 0)
            {
                key = line[..at];
                line = line[(at + _separator.Length)..];
            }
        }
        return (key, emptyIsNull && line.IsEmpty ? default(ReadOnlyMemory<byte>?) : line);
    }
}
