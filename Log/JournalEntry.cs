using System.Buffers.Binary;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>What an entry does to its partition. The numbers are on disk.</summary>
internal enum EntryKind : byte
{
    /// <summary>Payload: a record batch, byte for byte.</summary>
    Append = 1,

    /// <summary>Payload: the offset the log was cut back to.</summary>
    Truncate = 2,

    /// <summary>Payload: the new log start offset.</summary>
    LogStart = 3,

    /// <summary>Payload: topic id, partition index, topic name in UTF-8.</summary>
    Create = 4,

    /// <summary>No payload.</summary>
    Delete = 5,

    /// <summary>Payload: the number of the first segment that is kept. Of no partition.</summary>
    Head = 6,

    /// <summary>What repair puts over what it cut out. Payload: zeros. In place of a partition: how many entry numbers it
    /// stands for.</summary>
    Cut = 7,

    /// <summary>What stands for dead batches whose space was given back. Payload: zeros, a hole in the file. In place of a
    /// partition: how many entry numbers it stands for.</summary>
    Dropped = 8,
}

/// <summary>
/// An entry of the journal: FASTER's length (4 bytes, of what follows), this header, the payload, padding to 4 bytes.
/// <code>
///  0  checksum       CRC-32C of the journal's seed, the entry's address, the rest of the header and of the payload: all
///                    of it, but of a batch only what its own CRC-32C leaves out, so that no byte is summed twice
///  4  version, kind, 2 bytes zero
///  8  partition handle
/// 12  payload size
/// 16  sequence number: one more than the entry before, so that a hole is seen
/// 24  durable until: everything below this address was synced when the entry was written, so that a torn tail, which
///     nothing durable follows, is told from damage
/// </code>
/// All little endian.
/// </summary>
internal readonly record struct JournalEntry(
    EntryKind Kind, int Partition, int PayloadBytes, long Sequence, long DurableUntil)
{
    public const int LengthBytes = 4;
    public const int HeaderBytes = 32;

    /// <summary>Bytes of an entry before its payload.</summary>
    public const int OverheadBytes = LengthBytes + HeaderBytes;
    public const byte CurrentVersion = 1;

    /// <summary>The part of a batch that lies before what its CRC covers.</summary>
    private const int BatchPrefixBytes = RecordBatchHeader.AttributesPosition;

    /// <summary>Whether it is in the place of entries that are gone.</summary>
    public bool StandsForOthers => Kind is EntryKind.Cut or EntryKind.Dropped;

    public bool IsOfPartition => Kind != EntryKind.Head && !StandsForOthers;

    /// <summary>The number of the entry that follows.</summary>
    public long NextSequence => Sequence + (StandsForOthers ? Partition : 1);

    public static int AllocatedBytes(int payloadBytes) => OverheadBytes + ((payloadBytes + 3) & ~3);

    /// <param name="entry">From after the length on, with the payload in place.</param>
    public void Write(Span<byte> entry, ulong seed, long address)
    {
        entry[4] = CurrentVersion;
        entry[5] = (byte)Kind;
        entry[6] = 0;
        entry[7] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(entry[8..], Partition);
        BinaryPrimitives.WriteInt32LittleEndian(entry[12..], PayloadBytes);
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(entry[24..], DurableUntil);
        BinaryPrimitives.WriteUInt32LittleEndian(entry, Checksum(entry, seed, address));
    }

    /// <summary>Writes an entry that stands for others.</summary>
    /// <param name="entry">All of it, zeros but for what is written now: its length and its header.</param>
    public static void WriteInPlaceOf(
        long sequence, long nextSequence, EntryKind kind, Span<byte> entry, ulong seed, long address)
    {
        int payload = entry.Length - OverheadBytes;
        BinaryPrimitives.WriteInt32LittleEndian(entry, HeaderBytes + payload);
        new JournalEntry(kind, (int)(nextSequence - sequence), payload, sequence, DurableUntil: 0)
            .Write(entry[LengthBytes..], seed, address);
    }

    /// <summary>Reads a header and proves it; the payload of a batch past its first bytes is proved by
    /// <see cref="IsBatchIntact"/>.</summary>
    /// <param name="entry">From after the length on, to the entry's end.</param>
    public static bool TryRead(ReadOnlySpan<byte> entry, ulong seed, long address, out JournalEntry header)
    {
        header = default;
        if (entry.Length < HeaderBytes || entry[4] != CurrentVersion || !Enum.IsDefined((EntryKind)entry[5]))
            return false;
        int payload = BinaryPrimitives.ReadInt32LittleEndian(entry[12..]);
        if (payload != entry.Length - HeaderBytes)
            return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != Checksum(entry, seed, address))
            return false;

        header = new JournalEntry(
            (EntryKind)entry[5],
            BinaryPrimitives.ReadInt32LittleEndian(entry[8..]),
            payload,
            BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(entry[24..]));
        return true;
    }

    /// <summary>Whether the length a batch says is its own and its CRC-32C fits.</summary>
    public static bool IsBatchIntact(ReadOnlySpan<byte> batch)
    {
        if (batch.Length < RecordBatchHeader.SizeBytes)
            return false;
        var header = RecordBatchHeader.Read(batch);
        return header.TotalSizeBytes == batch.Length && header.Crc == Crc32C.Compute(batch[BatchPrefixBytes..]);
    }

    private static uint Checksum(ReadOnlySpan<byte> entry, ulong seed, long address)
    {
        int payload = entry.Length - HeaderBytes;
        int covered = (EntryKind)entry[5] == EntryKind.Append ? Math.Min(payload, BatchPrefixBytes) : payload;
        Span<byte> place = stackalloc byte[2 * sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(place, seed);
        BinaryPrimitives.WriteInt64LittleEndian(place[sizeof(ulong)..], address);
        return Crc32C.Append(Crc32C.Compute(place), entry[4..(HeaderBytes + covered)]);
    }
}
