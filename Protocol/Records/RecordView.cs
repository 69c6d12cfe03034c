using System.Text;

namespace Loire.Protocol.Records;

/// <summary>A record where it lies in its batch; valid as long as the reader that gave it.</summary>
public readonly ref struct RecordView
{
    public Offset Offset { get; init; }

    /// <summary>Milliseconds since 1970; -1 where the producer gave none.</summary>
    public long TimestampMs { get; init; }
    public RecordBytes Key { get; init; }
    public RecordBytes Value { get; init; }
    public RecordHeaders Headers { get; init; }
}

/// <summary>The headers of a record, read as they are enumerated. Their layout was checked with the record's.</summary>
public readonly ref struct RecordHeaders
{
    /// <param name="bytes">Those of other headers that were read, kept elsewhere meanwhile.</param>
    public RecordHeaders(int count, ReadOnlySpan<byte> bytes)
    {
        Count = count;
        Bytes = bytes;
    }

    public int Count { get; }

    /// <summary>The headers as they lie in the record, without their count.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    public Enumerator GetEnumerator() => new(Bytes, Count);

    public RecordHeader[] ToArray()
    {
        if (Count == 0)
            return [];
        var headers = new RecordHeader[Count];
        var i = 0;
        foreach (var header in this)
        {
            // A plain null here would become an empty array's memory.
            var value = header.Value.IsNull ? default(ReadOnlyMemory<byte>?) : header.Value.Span.ToArray();
            headers[i++] = new RecordHeader(Encoding.UTF8.GetString(header.Name), value);
        }
        return headers;
    }

    /// <param name="name">UTF-8.</param>
    public readonly ref struct Header(ReadOnlySpan<byte> name, RecordBytes value)
    {
        public ReadOnlySpan<byte> Name { get; } = name;
        public RecordBytes Value { get; } = value;
    }

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _bytes;
        private int _left;
        private int _position;

        internal Enumerator(ReadOnlySpan<byte> bytes, int count)
        {
            _bytes = bytes;
            _left = count;
        }

        public Header Current { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0)
                return false;
            _left--;
            var name = RecordReader.ReadBytes(_bytes, ref _position);
            var value = RecordReader.ReadBytes(_bytes, ref _position);
            Current = new Header(name.Span, value);
            return true;
        }
    }
}
