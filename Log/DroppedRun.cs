namespace Loire.Log;

/// <summary>Neighbouring entries that a copy of a segment leaves out: holes with as few entries as can stand for them. Only
/// the headers are written, for the rest reads as zeros.</summary>
/// <param name="start">The address of the segment's first byte.</param>
internal sealed class DroppedRun(JournalGeometry geometry, FileStream copy, long start)
{
    /// <summary>An entry is read as a whole.</summary>
    private const int MaxEntryBytes = 4 << 20;

    private readonly byte[] _entry = new byte[Math.Min(MaxEntryBytes, geometry.SegmentBytes) + JournalEntry.OverheadBytes];
    private long _from;
    private long _until;
    private long _sequence;
    private long _nextSequence;

    /// <summary>Leaves out the scanner's present entry.</summary>
    public void Add(JournalScanner scanner)
    {
        if (_until == 0)
        {
            _from = scanner.Address;
            _sequence = scanner.Entry.Sequence;
        }
        _until = scanner.EntryEnd;
        _nextSequence = scanner.NextSequence;
    }

    /// <summary>Writes what stands for the entries left out since the last call, if there are any.</summary>
    public void Write()
    {
        for (long at = _from; at < _until;)
        {
            long left = _until - at;
            // What is left must have room for a header.
            int size = (int)(left < MaxEntryBytes + JournalEntry.OverheadBytes ? left : MaxEntryBytes);
            JournalEntry.WriteInPlaceOf(
                _sequence, _nextSequence, EntryKind.Dropped, _entry.AsSpan(0, size), geometry.Seed, at);
            copy.Position = at - start;
            copy.Write(_entry, 0, JournalEntry.OverheadBytes);
            _sequence = _nextSequence;
            at += size;
        }
        _from = _until = 0;
    }
}
