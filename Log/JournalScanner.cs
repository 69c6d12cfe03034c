using System.Buffers.Binary;

namespace Loire.Log;

/// <summary>How a scan of the journal ended.</summary>
internal enum ScanEnd
{
    /// <summary>At the journal's tail; behind it there is nothing.</summary>
    Tail,

    /// <summary>At the last whole entry before writes that were under way when the process stopped: nothing there was ever
    /// durable.</summary>
    TornTail,

    /// <summary>At an entry that was durable once and is not whole any more.</summary>
    Damage,
}

/// <summary>
/// Reads the journal from its files, entry by entry, and proves each. An entry follows its predecessor, or, after a page
/// that was left early or a restart, stands at a later sector's start with zeros before it; its number is the
/// predecessor's plus one. Where no such entry is, the journal ends: torn, where nothing behind it was written in
/// the knowledge that this place was durable, else damaged.
/// </summary>
internal sealed class JournalScanner
{
    private const int WindowBytes = 1 << 20;
    private const int SmallestEntryBytes = JournalEntry.OverheadBytes;

    private readonly JournalFiles _files;
    private readonly JournalGeometry _geometry;
    private readonly bool _checkBatches;
    private byte[] _window = new byte[WindowBytes];
    private long _windowStart;
    private int _windowLength;
    private long _position;

    /// <param name="from">Where the first entry is expected.</param>
    /// <param name="nextSequence">Its number; -1 where it is not known.</param>
    public JournalScanner(JournalFiles files, long from, long nextSequence, bool checkBatches = true)
    {
        _files = files;
        _geometry = files.Geometry;
        _checkBatches = checkBatches;
        _position = from;
        NextSequence = nextSequence;
    }

    public long NextSequence { get; private set; }
    public JournalEntry Entry { get; private set; }

    /// <summary>Of the entry.</summary>
    public long Address { get; private set; }

    /// <summary>The address behind the entry and its padding.</summary>
    public long EntryEnd => _position;

    /// <summary>The entry as it lies there, padding and all. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => At(Address, JournalEntry.AllocatedBytes(Entry.PayloadBytes));

    /// <summary>Valid until the next call.</summary>
    public ReadOnlySpan<byte> Payload =>
        At(Address, JournalEntry.OverheadBytes + Entry.PayloadBytes)[JournalEntry.OverheadBytes..];

    /// <summary>Once there are no more entries: why, where, and where the last byte behind it ends that is not zero.</summary>
    public ScanEnd End { get; private set; }
    public long EndAddress { get; private set; }
    public long DirtyUntil { get; private set; }

    public bool MoveNext()
    {
        long address = _position;
        if (!TryReadEntry(address, out var entry))
        {
            // The zeros after a page that was left early, or before the sector where a restart went on.
            long gapEnd = JournalGeometry.RoundUpToSector(address);
            if (gapEnd == address)
                gapEnd += JournalGeometry.SectorBytes;
            long limit = address + _geometry.WindowBytes;
            bool found = false;
            long from = address;
            while (gapEnd < limit && IsZero(from, gapEnd) && Exists(gapEnd))
            {
                if (TryReadEntry(gapEnd, out entry))
                {
                    found = true;
                    break;
                }
                from = gapEnd;
                gapEnd += JournalGeometry.SectorBytes;
            }
            if (!found)
            {
                Finish(address);
                return false;
            }
            address = gapEnd;
        }
        Entry = entry;
        Address = address;
        NextSequence = entry.NextSequence;
        _position = address + JournalEntry.AllocatedBytes(entry.PayloadBytes);
        return true;
    }

    /// <summary>Looks behind the end, over missing files too, for the next entry whose header is whole, and goes on
    /// there.</summary>
    /// <returns>False where there is none.</returns>
    public bool TryResume(out long address)
    {
        for (address = EndAddress + sizeof(int); TryFindFile(ref address); address += sizeof(int))
        {
            var bytes = At(address, Math.Min(LeftInSegment(address), WindowBytes / 2));
            int zeros = bytes.IndexOfAnyExcept((byte)0);
            if (zeros < 0)
            {
                address += bytes.Length - sizeof(int);
                continue;
            }
            address += zeros & ~3;
            DirtyUntil = Math.Max(DirtyUntil, address + sizeof(int));
            if (TryReadHeader(address, out var entry) && entry.Sequence >= NextSequence)
            {
                _position = address;
                NextSequence = entry.Sequence;
                return true;
            }
        }
        return false;
    }

    /// <summary>Where a segment has no file: the start of the next that has one.</summary>
    private bool TryFindFile(ref long address)
    {
        if (Exists(address))
            return true;
        int missing = _geometry.SegmentOf(address);
        int next = _files.List().FirstOrDefault(segment => segment > missing, -1);
        address = _geometry.StartOf(next);
        return next >= 0;
    }

    /// <summary>Looks behind the end for what tells a torn tail from damage.</summary>
    private void Finish(long address)
    {
        EndAddress = address;
        End = ScanEnd.Tail;
        long limit = address + _geometry.WindowBytes;
        for (long at = address; at < limit && Exists(at); at += sizeof(int))
        {
            int left = Math.Min(LeftInSegment(at), WindowBytes / 2);
            var bytes = At(at, left);
            int zeros = bytes.IndexOfAnyExcept((byte)0);
            if (zeros < 0)
            {
                at += left - sizeof(int);
                continue;
            }
            at += zeros & ~3;
            DirtyUntil = at + sizeof(int);
            if (End == ScanEnd.Tail)
                End = ScanEnd.TornTail;
            if (TryReadHeader(at, out var entry) && entry.DurableUntil > address)
            {
                End = ScanEnd.Damage;
                return;
            }
        }
    }

    private bool TryReadEntry(long address, out JournalEntry entry) =>
        TryReadHeader(address, out entry)
        && (NextSequence < 0 || entry.Sequence == NextSequence)
        && (!_checkBatches
            || entry.Kind != EntryKind.Append
            || JournalEntry.IsBatchIntact(
                At(address, JournalEntry.OverheadBytes + entry.PayloadBytes)[JournalEntry.OverheadBytes..]));

    private bool TryReadHeader(long address, out JournalEntry entry)
    {
        entry = default;
        int left = LeftInSegment(address);
        if (left < SmallestEntryBytes || !Exists(address))
            return false;
        int length = BinaryPrimitives.ReadInt32LittleEndian(At(address, SmallestEntryBytes));
        return length >= JournalEntry.HeaderBytes
            && length <= left - JournalEntry.LengthBytes
            && IsPlausible(At(address, SmallestEntryBytes), length)
            && JournalEntry.TryRead(
                At(address, JournalEntry.LengthBytes + length)[JournalEntry.LengthBytes..],
                _geometry.Seed,
                address,
                out entry);
    }

    /// <summary>Spares reading the whole of what only looks like an entry.</summary>
    private static bool IsPlausible(ReadOnlySpan<byte> start, int length) =>
        start[JournalEntry.LengthBytes + 4] == JournalEntry.CurrentVersion
        && BinaryPrimitives.ReadInt32LittleEndian(start[(JournalEntry.LengthBytes + 12)..])
            == length - JournalEntry.HeaderBytes;

    private bool IsZero(long from, long until) =>
        Exists(from) && At(from, (int)(until - from)).IndexOfAnyExcept((byte)0) < 0;

    private int LeftInSegment(long address) => _geometry.SegmentBytes - _geometry.OffsetInSegment(address);

    private bool Exists(long address) => _files.Exists(_geometry.SegmentOf(address));

    /// <summary>Bytes that lie within one segment.</summary>
    private ReadOnlySpan<byte> At(long address, int sizeBytes)
    {
        if (address < _windowStart || address + sizeBytes > _windowStart + _windowLength)
        {
            if (_window.Length < sizeBytes)
                _window = new byte[sizeBytes];
            int left = LeftInSegment(address);
            _windowStart = address;
            _windowLength = Math.Min(_window.Length, left);
            _files.Read(address, _window.AsSpan(0, _windowLength));
        }
        return _window.AsSpan((int)(address - _windowStart), sizeBytes);
    }
}
