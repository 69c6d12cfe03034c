using System.Buffers.Binary;
using System.Numerics;

namespace Loire.Log;

/// <summary>CRC-32C (Castagnoli) by the processor's own instruction, 8 bytes a step.</summary>
internal static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Append(uint.MaxValue, bytes);

    /// <summary>Goes on from a state that started as all ones; its complement is the checksum.</summary>
    public static uint Append(uint state, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte value in bytes)
            state = BitOperations.Crc32C(state, value);
        return state;
    }

    public static uint Append(uint state, ulong value) => BitOperations.Crc32C(state, value);
}
