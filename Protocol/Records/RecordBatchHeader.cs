using System.Buffers.Binary;

namespace Loire.Protocol.Records;

/// <summary>The 61 bytes before the records of a batch of magic 2 (KIP-98). Parsing checks nothing: callers that take
/// bytes from outside validate with the batch validator first.</summary>
public readonly struct RecordBatchHeader
{
    public const int SizeBytes = 61;

    /// <summary>Bytes before the field that <see cref="BatchLength"/> counts from.</summary>
    public const int LogOverheadBytes = 12;
    public const byte CurrentMagic = 2;
    public const int MagicPosition = 16;
    public const int CrcPosition = 17;
    public const int AttributesPosition = 21;

    public Offset BaseOffset { get; init; }

    /// <summary>Bytes after this field: the whole batch less <see cref="LogOverheadBytes"/>.</summary>
    public int BatchLength { get; init; }
    public LeaderEpoch PartitionLeaderEpoch { get; init; }
    public byte Magic { get; init; }
    public uint Crc { get; init; }
    public BatchAttributes Attributes { get; init; }
    public int LastOffsetDelta { get; init; }

    /// <summary>Milliseconds since 1970.</summary>
    public long BaseTimestamp { get; init; }

    /// <summary>Milliseconds since 1970; with log append time the time of every record.</summary>
    public long MaxTimestamp { get; init; }
    public ProducerId ProducerId { get; init; }
    public short ProducerEpoch { get; init; }
    public int BaseSequence { get; init; }
    public int RecordsCount { get; init; }

    /// <summary>Size of the whole batch, header included.</summary>
    public int TotalSizeBytes => BatchLength + LogOverheadBytes;
    public Offset LastOffset => BaseOffset + LastOffsetDelta;
    public Offset NextOffset => BaseOffset + LastOffsetDelta + 1;

    /// <summary>The last record's sequence number; numbers run on from 2147483647 to 0.</summary>
    public int LastSequence => BaseSequence < 0 ? BaseSequence : (int)(((long)BaseSequence + LastOffsetDelta) & int.MaxValue);

    public bool HasProducerId => !ProducerId.IsNone;
    public CompressionCodec Codec => (CompressionCodec)((int)Attributes & 0x07);
    public bool IsLogAppendTime => (Attributes & BatchAttributes.LogAppendTime) != 0;
    public bool IsTransactional => (Attributes & BatchAttributes.Transactional) != 0;
    public bool IsControl => (Attributes & BatchAttributes.Control) != 0;

    /// <param name="bytes">At least <see cref="SizeBytes"/> bytes.</param>
    public static RecordBatchHeader Read(ReadOnlySpan<byte> bytes) => new()
    {
        BaseOffset = new Offset(BinaryPrimitives.ReadInt64BigEndian(bytes)),
        BatchLength = BinaryPrimitives.ReadInt32BigEndian(bytes[8..]),
        PartitionLeaderEpoch = new LeaderEpoch(BinaryPrimitives.ReadInt32BigEndian(bytes[12..])),
        Magic = bytes[MagicPosition],
        Crc = BinaryPrimitives.ReadUInt32BigEndian(bytes[CrcPosition..]),
        Attributes = (BatchAttributes)BinaryPrimitives.ReadInt16BigEndian(bytes[AttributesPosition..]),
        LastOffsetDelta = BinaryPrimitives.ReadInt32BigEndian(bytes[23..]),
        BaseTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[27..]),
        MaxTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[35..]),
        ProducerId = new ProducerId(BinaryPrimitives.ReadInt64BigEndian(bytes[43..])),
        ProducerEpoch = BinaryPrimitives.ReadInt16BigEndian(bytes[51..]),
        BaseSequence = BinaryPrimitives.ReadInt32BigEndian(bytes[53..]),
        RecordsCount = BinaryPrimitives.ReadInt32BigEndian(bytes[57..]),
    };

    /// <param name="bytes">At least <see cref="SizeBytes"/> bytes; all of them are written.</param>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64BigEndian(bytes, BaseOffset.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], BatchLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes[12..], PartitionLeaderEpoch.Value);
        bytes[MagicPosition] = Magic;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[CrcPosition..], Crc);
        BinaryPrimitives.WriteInt16BigEndian(bytes[AttributesPosition..], (short)Attributes);
        BinaryPrimitives.WriteInt32BigEndian(bytes[23..], LastOffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(bytes[27..], BaseTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(bytes[35..], MaxTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(bytes[43..], ProducerId.Value);
        BinaryPrimitives.WriteInt16BigEndian(bytes[51..], ProducerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(bytes[53..], BaseSequence);
        BinaryPrimitives.WriteInt32BigEndian(bytes[57..], RecordsCount);
    }

    /// <summary>Sets the two fields outside the checksum that the leader assigns.</summary>
    public static void Assign(Span<byte> header, Offset baseOffset, LeaderEpoch leaderEpoch)
    {
        BinaryPrimitives.WriteInt64BigEndian(header, baseOffset.Value);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], leaderEpoch.Value);
    }
}
