using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>The Snappy block format: the decompressed length as a varint, then literals and copies.</summary>
/// <remarks>The low two bits of an element's first byte tell its kind: 0 literal, 1 copy of 4 to 11 bytes with an 11-bit
/// offset, 2 and 3 copies of 1 to 64 bytes with offsets of 16 and 32 bits.</remarks>
internal static class SnappyBlock
{
    private const int MinMatch = 4;
    private const int MaxCopy = 64;
    private const int MaxHashBits = 14;

    // The densest element, a copy of 64 bytes in 3, bounds what a block can honestly claim to decompress to.
    private const int MaxExpansion = 22;

    public static int MaxCompressedSize(int inputLength) => 32 + inputLength + inputLength / 6;

    /// <param name="input">At most 64 KiB, so that every offset fits in 16 bits.</param>
    /// <param name="output">At least <see cref="MaxCompressedSize"/> bytes.</param>
    /// <returns>The bytes written.</returns>
    public static int Compress(ReadOnlySpan<byte> input, Span<byte> output)
    {
        Debug.Assert(input.Length <= ushort.MaxValue + 1);
        var written = WriteLength(output, (uint)input.Length);
        var hashBits = Math.Clamp(BitOperations.Log2((uint)input.Length | 1) + 1, 8, MaxHashBits);
        Span<ushort> table = stackalloc ushort[1 << hashBits];
        table.Clear();

        var literalStart = 0;
        var position = 1;
        var misses = 0;
        while (position + MinMatch <= input.Length)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(input[position..]);
            ref var slot = ref table[(int)((word * 0x1E35A7BD) >> (32 - hashBits))];
            int candidate = slot;
            slot = (ushort)position;
            if (BinaryPrimitives.ReadUInt32LittleEndian(input[candidate..]) != word)
            {
                // Input that does not compress is skipped over faster and faster.
                position += 1 + (misses++ >> 5);
                continue;
            }
            misses = 0;
            written += WriteLiteral(output[written..], input[literalStart..position]);
            var length = MinMatch
                + input[(position + MinMatch)..].CommonPrefixLength(input[(candidate + MinMatch)..]);
            written += WriteCopies(output[written..], position - candidate, length);
            position += length;
            literalStart = position;
        }
        return written + WriteLiteral(output[written..], input[literalStart..]);
    }

    /// <exception cref="CompressionException">The block is damaged or does not fit the output's limit.</exception>
    public static void Decompress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        var length = ReadLength(ref input);
        if (length > (long)input.Length * MaxExpansion)
            Damaged("it claims to decompress to more than it can");
        if (length == 0)
            return;
        var target = output.GetSpan(length)[..length];
        var written = 0;
        while (!input.IsEmpty)
        {
            int tag = input[0];
            var size = (tag & 3) switch { 0 => LiteralTagSize(tag), 1 => 2, 2 => 3, _ => 5 };
            if (input.Length < size)
                Damaged("its last element is cut short");
            if ((tag & 3) == 0)
            {
                var count = LiteralLength(tag, input);
                if (count > input.Length - size || count > target.Length - written)
                    Damaged("a literal is too long");
                input.Slice(size, (int)count).CopyTo(target[written..]);
                written += (int)count;
                input = input[(size + (int)count)..];
                continue;
            }
            var (offset, copied) = (tag & 3) switch
            {
                1 => ((uint)(((tag & 0xE0) << 3) | input[1]), 4 + ((tag >> 2) & 7)),
                2 => (BinaryPrimitives.ReadUInt16LittleEndian(input[1..]), 1 + (tag >> 2)),
                _ => (BinaryPrimitives.ReadUInt32LittleEndian(input[1..]), 1 + (tag >> 2)),
            };
            if (offset == 0 || offset > (uint)written || copied > target.Length - written)
                Damaged("a copy reaches outside the output");
            CopyWithin(target, written, (int)offset, copied);
            written += copied;
            input = input[size..];
        }
        if (written != length)
            Damaged("it is shorter than it claims");
        output.Advance(length);
    }

    /// <summary>A copy may overlap its own output: it then repeats the bytes before it.</summary>
    private static void CopyWithin(Span<byte> target, int position, int offset, int count)
    {
        if (offset >= count)
        {
            target.Slice(position - offset, count).CopyTo(target[position..]);
            return;
        }
        for (var i = 0; i < count; i++)
            target[position + i] = target[position - offset + i];
    }

    private static int LiteralTagSize(int tag) => (tag >> 2) < 60 ? 1 : (tag >> 2) - 58;

    private static long LiteralLength(int tag, ReadOnlySpan<byte> element)
    {
        var inline = tag >> 2;
        if (inline < 60)
            return inline + 1;
        long length = 0;
        for (var i = inline - 59; i > 0; i--)
            length = (length << 8) | element[i];
        return length + 1;
    }

    private static int ReadLength(ref ReadOnlySpan<byte> input)
    {
        ulong length = 0;
        for (var i = 0; i < 5 && i < input.Length; i++)
        {
            length |= (ulong)(input[i] & 0x7F) << (7 * i);
            if (input[i] >= 0x80)
                continue;
            input = input[(i + 1)..];
            if (length > int.MaxValue)
                Damaged("it claims to be larger than 2 GiB");
            return (int)length;
        }
        Damaged("its length is no varint");
        return 0;
    }

    private static int WriteLength(Span<byte> output, uint length)
    {
        var written = 0;
        for (; length >= 0x80; length >>= 7)
            output[written++] = (byte)(length | 0x80);
        output[written++] = (byte)length;
        return written;
    }

    private static int WriteLiteral(Span<byte> output, ReadOnlySpan<byte> literal)
    {
        if (literal.IsEmpty)
            return 0;
        var last = literal.Length - 1;
        int size;
        if (last < 60)
        {
            output[0] = (byte)(last << 2);
            size = 1;
        }
        else if (last < 256)
        {
            output[0] = 60 << 2;
            output[1] = (byte)last;
            size = 2;
        }
        else
        {
            output[0] = 61 << 2;
            BinaryPrimitives.WriteUInt16LittleEndian(output[1..], (ushort)last);
            size = 3;
        }
        literal.CopyTo(output[size..]);
        return size + literal.Length;
    }

    private static int WriteCopies(Span<byte> output, int offset, int length)
    {
        var written = 0;
        for (; length > 0; written += 3)
        {
            var count = Math.Min(length, MaxCopy);
            output[written] = (byte)(((count - 1) << 2) | 2);
            BinaryPrimitives.WriteUInt16LittleEndian(output[(written + 1)..], (ushort)offset);
            length -= count;
        }
        return written;
    }

    private static void Damaged(string what) => CompressionException.ThrowDamaged(CompressionCodec.Snappy, "in a block, " + what);
}
