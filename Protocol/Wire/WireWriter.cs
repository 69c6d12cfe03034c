using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Protocol.Wire;

/// <summary>Writes the protocol's primitive types straight into a buffer writer's memory. Nothing is committed to the
/// output until <see cref="Flush"/>, which must be the last call.</summary>
public ref struct WireWriter
{
    private readonly IBufferWriter<byte> _output;
    private Span<byte> _span;
    private int _used;

    public WireWriter(IBufferWriter<byte> output) => _output = output;

    /// <summary>Hands what was written to the output.</summary>
    public void Flush()
    {
        _output.Advance(_used);
        _span = default;
        _used = 0;
    }

    public void WriteBool(bool value) => Take(1)[0] = value ? (byte)1 : (byte)0;

    public void WriteInt8(sbyte value) => Take(1)[0] = (byte)value;

    public void WriteInt16(short value) => BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), value);

    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(sizeof(ushort)), value);

    public void WriteInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);

    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(sizeof(uint)), value);

    public void WriteInt64(long value) => BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);

    public void WriteFloat64(double value) => BinaryPrimitives.WriteDoubleBigEndian(Take(sizeof(double)), value);

    public void WriteUuid(Guid value) => value.TryWriteBytes(Take(16), bigEndian: true, out _);

    public void WriteUVarint(uint value)
    {
        Span<byte> bytes = Take(WireSize.UVarint(value));
        int i = 0;
        for (; value >= 0x80; value >>= 7) bytes[i++] = (byte)(value | 0x80);
        bytes[i] = (byte)value;
    }

    public void WriteString(string? value, bool flexible)
    {
        int length = value is null ? -1 : Encoding.UTF8.GetByteCount(value);
        if (flexible) WriteUVarint((uint)(length + 1));
        else WriteInt16(checked((short)length));
        if (length > 0) Encoding.UTF8.GetBytes(value, Take(length));
    }

    public void WriteBytes(ReadOnlySequence<byte>? value, bool flexible)
    {
        WriteCount(value is { } bytes ? checked((int)bytes.Length) : -1, flexible);
        if (value is { } content) Copy(content);
    }

    public void WriteRecords(RecordsPayload value, bool flexible)
    {
        WriteCount(value.IsNull ? -1 : value.SizeBytes, flexible);
        if (value.Source is { } source)
        {
            Flush();
            if (_output is IRecordsOutput records) records.WriteRecords(source);
            else source.CopyTo(_output);
        }
        else
        {
            Copy(value.Bytes);
        }
    }

    /// <summary>An array's number of elements or a number of bytes; -1 is null.</summary>
    public void WriteCount(int count, bool flexible)
    {
        if (flexible) WriteUVarint((uint)(count + 1));
        else WriteInt32(count);
    }

    private void Copy(ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            ReadOnlySpan<byte> left = segment.Span;
            while (!left.IsEmpty)
            {
                if (_used == _span.Length) Renew(1);
                int part = Math.Min(left.Length, _span.Length - _used);
                left[..part].CopyTo(Take(part));
                left = left[part..];
            }
        }
    }

    private Span<byte> Take(int size)
    {
        if (_span.Length - _used < size) Renew(size);
        Span<byte> taken = _span.Slice(_used, size);
        _used += size;
        return taken;
    }

    private void Renew(int size)
    {
        _output.Advance(_used);
        _used = 0;
        _span = _output.GetSpan(size);
    }
}
