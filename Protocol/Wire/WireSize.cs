using System.Buffers;
using System.Numerics;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Protocol.Wire;

/// <summary>The exact sizes of what <see cref="WireWriter"/> writes, in bytes. An <see cref="OverflowException"/> where a
/// size is over <see cref="int.MaxValue"/>.</summary>
public static class WireSize
{
    /// <summary>Seven bits to a byte, one byte at least.</summary>
    public static int UVarint(uint value) => (38 - BitOperations.LeadingZeroCount(value | 1)) / 7;

    /// <summary>The count before an array's elements; -1 is null.</summary>
    public static int Count(int count, bool flexible) => flexible ? UVarint((uint)(count + 1)) : sizeof(int);

    /// <exception cref="WireFormatException">The text takes more than 32767 bytes.</exception>
    public static int String(string? value, bool flexible, string field)
    {
        int length = value is null ? 0 : Encoding.UTF8.GetByteCount(value);
        if (length > short.MaxValue)
            throw new WireFormatException($"{field}: a string of {length} bytes; {short.MaxValue} are the most");
        return length + (!flexible ? sizeof(short) : value is null ? 1 : UVarint((uint)length + 1));
    }

    public static int Bytes(ReadOnlySequence<byte>? value, bool flexible)
    {
        int length = value is { } bytes ? checked((int)bytes.Length) : -1;
        return checked(Math.Max(length, 0) + Count(length, flexible));
    }

    public static int Records(RecordsPayload value, bool flexible)
    {
        int length = value.IsNull ? -1 : value.SizeBytes;
        return checked(Math.Max(length, 0) + Count(length, flexible));
    }

    /// <summary>A tagged field: tag, size and the value itself.</summary>
    public static int Tagged(uint tag, int valueSizeBytes) =>
        checked(UVarint(tag) + UVarint((uint)valueSizeBytes) + valueSizeBytes);
}
