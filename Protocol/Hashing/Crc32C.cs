using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Loire.Protocol.Hashing;

/// <summary>CRC-32C (Castagnoli), the checksum of record batches: by the processor's instruction where it has one, by
/// tables elsewhere. Values are finished checksums, which can be continued with <see cref="Append(uint, ReadOnlySpan{byte})"/>.</summary>
public static class Crc32C
{
    private const uint ReflectedPolynomial = 0x82F63B78;

    // The instruction has a latency of three cycles and a throughput of one: three independent streams keep it busy.
    // Long strides amortise the joining of the streams, short ones serve what is too small for them.
    private const int LongStride = 2048;
    private const int ShortStride = 256;

    private static readonly uint[] ByteTable = BuildByteTable();
    private static readonly uint[] LongShift = BuildShiftTable(LongStride);
    private static readonly uint[] ShortShift = BuildShiftTable(ShortStride);

    /// <summary>x^(2^n) modulo the polynomial, bit-reflected, for the shifts of any length.</summary>
    private static readonly uint[] PowersOfTwo = BuildPowersOfTwo();

    private static bool IsHardwareAccelerated => Sse42.X64.IsSupported || Crc32.Arm64.IsSupported;

    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    public static uint Compute(in ReadOnlySequence<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what <paramref name="crc"/> covers, followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes) =>
        IsHardwareAccelerated ? ~AppendByHardware(~crc, bytes) : AppendByTable(crc, bytes);

    public static uint Append(uint crc, in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
            return Append(crc, bytes.FirstSpan);
        foreach (var segment in bytes)
            crc = Append(crc, segment.Span);
        return crc;
    }

    /// <summary>The checksum after the first bytes were replaced by as many others, without reading the rest.</summary>
    /// <param name="whole">The checksum of the old first bytes and the rest.</param>
    /// <param name="oldFirst">The checksum of the old first bytes alone.</param>
    /// <param name="newFirst">The checksum of the new first bytes alone.</param>
    /// <param name="restLengthBytes">How many bytes the rest has.</param>
    public static uint ReplaceFirst(uint whole, uint oldFirst, uint newFirst, long restLengthBytes) =>
        whole ^ ShiftByBytes(oldFirst ^ newFirst, restLengthBytes);

    internal static uint AppendByTable(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        foreach (var value in bytes)
            crc = (crc >> 8) ^ ByteTable[(byte)(crc ^ value)];
        return ~crc;
    }

    // Compiled well from the first call on: the loops would spend a broker's first seconds in slow code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint AppendByHardware(uint state, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 3 * LongStride)
        {
            state = AppendThreeStreams(state, bytes, LongStride, LongShift);
            bytes = bytes[(3 * LongStride)..];
        }
        while (bytes.Length >= 3 * ShortStride)
        {
            state = AppendThreeStreams(state, bytes, ShortStride, ShortShift);
            bytes = bytes[(3 * ShortStride)..];
        }
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            state = Step(state, word);
        foreach (var value in bytes[(words.Length * sizeof(ulong))..])
            state = Step(state, value);
        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint AppendThreeStreams(uint first, ReadOnlySpan<byte> bytes, int stride, uint[] shift)
    {
        var a = MemoryMarshal.Cast<byte, ulong>(bytes[..stride]);
        var b = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(stride, stride));
        var c = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(2 * stride, stride));
        uint second = 0;
        uint third = 0;
        for (var i = 0; i < a.Length && i < b.Length && i < c.Length; i++)
        {
            first = Step(first, a[i]);
            second = Step(second, b[i]);
            third = Step(third, c[i]);
        }
        return ShiftByTable(shift, ShiftByTable(shift, first) ^ second) ^ third;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint state, ulong word) =>
        Sse42.X64.IsSupported ? (uint)Sse42.X64.Crc32(state, word) : Crc32.Arm64.ComputeCrc32C(state, word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint state, byte value) =>
        Sse42.IsSupported ? Sse42.Crc32(state, value) : Crc32.ComputeCrc32C(state, value);

    private static uint ShiftByTable(uint[] table, uint state) =>
        table[(byte)state]
        ^ table[256 + (byte)(state >> 8)]
        ^ table[512 + (byte)(state >> 16)]
        ^ table[768 + (state >> 24)];

    /// <summary>The state after <paramref name="count"/> zero bytes: multiplication by x^(8 * count).</summary>
    private static uint ShiftByBytes(uint state, long count)
    {
        for (var power = 3; count != 0; power++, count >>= 1)
        {
            if ((count & 1) != 0)
                state = Multiply(state, PowersOfTwo[power]);
        }
        return state;
    }

    /// <summary>The product of two bit-reflected polynomials over GF(2), modulo the checksum's.</summary>
    private static uint Multiply(uint a, uint b)
    {
        uint product = 0;
        for (var bit = 0x80000000; bit != 0; bit >>= 1)
        {
            if ((a & bit) != 0)
                product ^= b;
            b = (b & 1) != 0 ? (b >> 1) ^ ReflectedPolynomial : b >> 1;
        }
        return product;
    }

    private static uint[] BuildByteTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? (value >> 1) ^ ReflectedPolynomial : value >> 1;
            table[i] = value;
        }
        return table;
    }

    private static uint[] BuildShiftTable(int strideBytes)
    {
        uint shift = 0x80000000;
        for (var i = 0; i < strideBytes * 8; i++)
            shift = (shift & 1) != 0 ? (shift >> 1) ^ ReflectedPolynomial : shift >> 1;
        var table = new uint[4 * 256];
        for (uint i = 0; i < table.Length; i++)
            table[i] = Multiply((i & 0xFF) << (int)(i / 256 * 8), shift);
        return table;
    }

    private static uint[] BuildPowersOfTwo()
    {
        var powers = new uint[64 + 3];
        powers[0] = 0x40000000;
        for (var i = 1; i < powers.Length; i++)
            powers[i] = Multiply(powers[i - 1], powers[i - 1]);
        return powers;
    }
}
