using System.Numerics;

namespace Loire.Protocol.Records;

/// <summary>The zig-zag varints of records, low group first; not the unsigned ones of flexible messages.</summary>
internal static class Varints
{
    public const int MaxSizeInt32 = 5;
    public const int MaxSizeInt64 = 10;

    public static int SizeOf(int value) => SizeOfUnsigned((uint)((value << 1) ^ (value >> 31)));

    public static int SizeOf(long value) => SizeOfUnsigned((ulong)((value << 1) ^ (value >> 63)));

    /// <returns>The number of bytes written.</returns>
    public static int Write(Span<byte> output, int value) => WriteUnsigned(output, (uint)((value << 1) ^ (value >> 31)));

    /// <inheritdoc cref="Write(Span{byte}, int)"/>
    public static int Write(Span<byte> output, long value) => WriteUnsigned(output, (ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Reads a varint of at most 5 bytes at <paramref name="position"/> and moves past it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> input, ref int position, out int value)
    {
        // Most lengths and deltas are below 64.
        if ((uint)position < (uint)input.Length && input[position] < 0x80)
        {
            uint single = input[position++];
            value = (int)(single >> 1) ^ -(int)(single & 1);
            return true;
        }
        var read = TryReadUnsigned(input, ref position, MaxSizeInt32, out var raw) && raw <= uint.MaxValue;
        value = (int)((uint)raw >> 1) ^ -(int)((uint)raw & 1);
        return read;
    }

    /// <summary>Reads a varlong of at most 10 bytes at <paramref name="position"/> and moves past it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> input, ref int position, out long value)
    {
        var read = TryReadUnsigned(input, ref position, MaxSizeInt64, out var raw);
        value = (long)(raw >> 1) ^ -(long)(raw & 1);
        return read;
    }

    private static bool TryReadUnsigned(ReadOnlySpan<byte> input, ref int position, int maxSize, out ulong value)
    {
        value = 0;
        for (var i = 0; i < maxSize; i++)
        {
            if ((uint)position >= (uint)input.Length)
                return false;
            var group = input[position++];
            // The tenth byte has room for one bit only.
            if (i == MaxSizeInt64 - 1 && group > 1)
                return false;
            value |= (ulong)(group & 0x7F) << (7 * i);
            if (group < 0x80)
                return true;
        }
        return false;
    }

    private static int SizeOfUnsigned(ulong value) => (BitOperations.Log2(value | 1) + 7) / 7;

    private static int WriteUnsigned(Span<byte> output, ulong value)
    {
        var written = 0;
        for (; value >= 0x80; value >>= 7)
            output[written++] = (byte)(value | 0x80);
        output[written++] = (byte)value;
        return written;
    }
}
