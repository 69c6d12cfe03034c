using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Loire.Protocol.Records;

namespace Loire.Protocol.Wire;

/// <summary>Reads the protocol's primitive types from bytes that nobody vouches for. Every length and count is checked
/// against what remains before anything is allocated for it; errors name the field that the caller passes along.
/// Byte fields and records are slices of the input, never copies.</summary>
public ref struct WireReader
{
    private const int MaxStringBytes = short.MaxValue;
    private readonly int _elementsMax;
    private SequenceReader<byte> _input;
    private int _elements;

    /// <param name="elementsMax">How many elements all arrays together may have.</param>
    public WireReader(ReadOnlySequence<byte> input, int elementsMax = int.MaxValue)
    {
        _input = new SequenceReader<byte>(input);
        _elementsMax = elementsMax;
    }

    public readonly long Consumed => _input.Consumed;
    public readonly long Remaining => _input.Remaining;

    /// <summary>True for any byte but zero, as Kafka reads it.</summary>
    public bool ReadBool(string field) => ReadByte(field) != 0;

    public sbyte ReadInt8(string field) => (sbyte)ReadByte(field);

    public short ReadInt16(string field) =>
        _input.TryReadBigEndian(out short value) ? value : throw Truncated(field, sizeof(short));

    public ushort ReadUInt16(string field) => (ushort)ReadInt16(field);

    public int ReadInt32(string field) =>
        _input.TryReadBigEndian(out int value) ? value : throw Truncated(field, sizeof(int));

    public uint ReadUInt32(string field) => (uint)ReadInt32(field);

    public long ReadInt64(string field) =>
        _input.TryReadBigEndian(out long value) ? value : throw Truncated(field, sizeof(long));

    public double ReadFloat64(string field) => BitConverter.Int64BitsToDouble(ReadInt64(field));

    public Guid ReadUuid(string field)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!_input.TryCopyTo(bytes)) throw Truncated(field, bytes.Length);
        _input.Advance(bytes.Length);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Base 128, low group first, at most five bytes and 32 bits.</summary>
    public uint ReadUVarint(string field)
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            byte group = ReadByte(field);
            if (shift == 28 && group > 0x0F) break;
            value |= (uint)(group & 0x7F) << shift;
            if (group < 0x80) return value;
        }

        throw new WireFormatException($"{field}: a varint has more than 32 bits");
    }

    public string ReadString(bool flexible, string field) =>
        ReadNullableString(flexible, field) ?? throw NullRefused(field);

    public string? ReadNullableString(bool flexible, string field)
    {
        int length = flexible ? ReadCompactLength(field) : ReadInt16(field);
        if (length == -1) return null;
        CheckLength(length, field);
        if (length > MaxStringBytes)
            throw new WireFormatException($"{field}: a string of {length} bytes; {MaxStringBytes} are the most");
        return length == 0 ? "" : Decode(length, field);
    }

    /// <summary>A slice of the input: valid as long as the input is.</summary>
    public ReadOnlySequence<byte> ReadBytes(bool flexible, string field) =>
        ReadNullableBytes(flexible, field) ?? throw NullRefused(field);

    /// <inheritdoc cref="ReadBytes"/>
    public ReadOnlySequence<byte>? ReadNullableBytes(bool flexible, string field)
    {
        int length = flexible ? ReadCompactLength(field) : ReadInt32(field);
        if (length == -1) return null;
        CheckLength(length, field);
        _input.TryReadExact(length, out ReadOnlySequence<byte> bytes);
        return bytes;
    }

    /// <inheritdoc cref="ReadBytes"/>
    public RecordsPayload ReadRecords(bool flexible, string field) => new(ReadBytes(flexible, field));

    /// <inheritdoc cref="ReadBytes"/>
    public RecordsPayload ReadNullableRecords(bool flexible, string field) =>
        ReadNullableBytes(flexible, field) is { } bytes ? new RecordsPayload(bytes) : RecordsPayload.Null;

    /// <summary>An array's number of elements. No more are believed than the remaining bytes can hold.</summary>
    /// <param name="elementSizeMin">The fewest bytes that one element takes.</param>
    public int ReadCount(bool flexible, int elementSizeMin, string field)
    {
        int count = ReadNullableCount(flexible, elementSizeMin, field);
        return count >= 0 ? count : throw NullRefused(field);
    }

    /// <summary>As <see cref="ReadCount"/>; -1 means null.</summary>
    public int ReadNullableCount(bool flexible, int elementSizeMin, string field)
    {
        int count = flexible ? ReadCompactLength(field) : ReadInt32(field);
        if (count == -1) return -1;
        if (count < 0 || (long)count * elementSizeMin > _input.Remaining)
            throw new WireFormatException($"{field}: {count} elements are announced where {_input.Remaining} bytes remain");
        if (count > _elementsMax - _elements)
            throw new WireFormatException($"{field}: {_elements + (long)count} elements are announced so far; {_elementsMax} are the most");
        _elements += count;
        return count;
    }

    /// <summary>The byte before a nullable struct: 1 present, -1 null.</summary>
    public bool ReadPresence(string field) => ReadInt8(field) switch
    {
        1 => true,
        -1 => false,
        var other => throw new WireFormatException($"{field}: {other} stands where 1 (present) or -1 (null) may"),
    };

    /// <summary>The varint before a nullable struct in a tag section: 1 present, 0 null.</summary>
    public bool ReadTaggedPresence(string field) => ReadUVarint(field) switch
    {
        1 => true,
        0 => false,
        var other => throw new WireFormatException($"{field}: {other} stands where 1 (present) or 0 (null) may"),
    };

    /// <summary>The number of tagged fields that follow.</summary>
    public uint ReadTagCount(string owner)
    {
        uint count = ReadUVarint(owner);
        if (count * 2L > _input.Remaining)
            throw new WireFormatException($"{owner}: {count} tagged fields are announced where {_input.Remaining} bytes remain");
        return count;
    }

    /// <summary>Starts a tagged field: its tag, and the position where its bytes end.</summary>
    public uint ReadTag(string owner, out long end)
    {
        uint tag = ReadUVarint(owner);
        uint size = ReadUVarint(owner);
        if (size > _input.Remaining)
            throw new WireFormatException($"{owner}: tag {tag} has {size} bytes where {_input.Remaining} remain");
        end = _input.Consumed + size;
        return tag;
    }

    /// <summary>Steps over a tagged field that this version does not know.</summary>
    public void SkipTag(long end) => _input.Advance(end - _input.Consumed);

    /// <summary>Refuses a tagged field whose value took more or fewer bytes than it announced.</summary>
    public readonly void EndTag(long end, string field)
    {
        if (_input.Consumed != end)
            throw new WireFormatException($"{field}: the value ends {_input.Consumed - end} bytes from its announced end");
    }

    /// <summary>Steps over a tag section of which no tag is known.</summary>
    public void SkipTags(string owner)
    {
        for (uint left = ReadTagCount(owner); left > 0; left--)
        {
            ReadTag(owner, out long end);
            SkipTag(end);
        }
    }

    /// <summary>Refuses bytes after the message's last field.</summary>
    public readonly void EnsureEnd(string owner)
    {
        if (_input.Remaining > 0)
            throw new WireFormatException($"{owner}: {_input.Remaining} bytes follow the last field");
    }

    private byte ReadByte(string field) => _input.TryRead(out byte value) ? value : throw Truncated(field, 1);

    /// <summary>A length or count of a flexible version: stored plus one, zero being null.</summary>
    private int ReadCompactLength(string field)
    {
        uint stored = ReadUVarint(field);
        if (stored > int.MaxValue) throw new WireFormatException($"{field}: a length of {stored - 1L}");
        return (int)stored - 1;
    }

    private readonly void CheckLength(int length, string field)
    {
        if (length < 0) throw new WireFormatException($"{field}: a length of {length}");
        if (length > _input.Remaining) throw Truncated(field, length);
    }

    private string Decode(int length, string field)
    {
        if (_input.UnreadSpan.Length >= length)
        {
            string text = Decode(_input.UnreadSpan[..length], field);
            _input.Advance(length);
            return text;
        }

        byte[] joined = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Span<byte> bytes = joined.AsSpan(0, length);
            _input.TryCopyTo(bytes);
            _input.Advance(length);
            return Decode(bytes, field);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string field) =>
        Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw new WireFormatException($"{field}: the text is not UTF-8");

    private readonly WireFormatException Truncated(string field, int needed) =>
        new($"{field}: {needed} bytes are needed where {_input.Remaining} remain");

    private static WireFormatException NullRefused(string field) => new($"{field}: null is not allowed here");
}
