using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Loire.Broker.Ports;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Makes a segment's index from the segment itself, entry by entry.</summary>
internal sealed class SegmentIndexBuilder
{
    private readonly SortedDictionary<int, Part> _parts = [];
    private readonly List<(long From, long Until)> _dropped = [];

    /// <summary>Takes in the scanner's present entry.</summary>
    public void Add(JournalScanner scanner)
    {
        var entry = scanner.Entry;
        if (entry.Kind == EntryKind.Dropped)
            _dropped.Add((scanner.Address, scanner.EntryEnd));
        if (!entry.IsOfPartition)
            return;
        if (!_parts.TryGetValue(entry.Partition, out var part))
            _parts.Add(entry.Partition, part = new Part());
        if (entry.Kind == EntryKind.Append)
            part.Entries.Add(IndexEntry.Of(scanner.Address, RecordBatchHeader.Read(scanner.Payload)));
        else if (entry.Kind == EntryKind.Truncate)
            part.CutTo(BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload));
    }

    public SegmentIndexFile Write(string path, int segment, long until)
    {
        var records = new List<SegmentIndexRecord>();
        var entries = new List<IndexEntry>();
        foreach (var (handle, part) in _parts)
        {
            records.Add(part.ToRecord(handle, entries.Count));
            entries.AddRange(part.Entries);
        }
        return SegmentIndexFile.Write(
            path, segment, until, CollectionsMarshal.AsSpan(records), CollectionsMarshal.AsSpan(entries));
    }

    /// <summary>Whether an index file says what the segment says. It may leave out what its partition had dropped from its
    /// start before the segment was full, and may have what was dropped since.</summary>
    public bool Agrees(SegmentIndexFile file)
    {
        if (!file.AreEntriesIntact())
            return false;
        foreach (ref readonly var record in file.Records)
        {
            var entries = file.Entries.Slice(record.FirstEntry, record.Count);
            while (!entries.IsEmpty && IsDropped(entries[0].Address))
                entries = entries[1..];
            _parts.TryGetValue(record.Partition, out var part);
            if (!CollectionsMarshal.AsSpan(part?.Entries).EndsWith(entries))
                return false;
        }
        return true;
    }

    /// <exception cref="LogStoreException">The segment is damaged.</exception>
    public static SegmentIndexFile Rebuild(JournalFiles files, int segment, long until, string path)
    {
        var builder = new SegmentIndexBuilder();
        long start = Math.Max(files.Geometry.StartOf(segment), JournalGeometry.FirstAddress);
        var scanner = new JournalScanner(files, start, nextSequence: -1);
        while (scanner.MoveNext())
        {
            if (scanner.Address >= until)
                return builder.Write(path, segment, until);
            builder.Add(scanner);
        }
        if (scanner.End == ScanEnd.Damage || JournalGeometry.RoundUpToSector(scanner.EndAddress) < until)
        {
            throw new LogStoreException(
                $"{files.PathOf(segment)} is damaged at address {scanner.EndAddress}: what stands there is no whole entry. " +
                "'loire log verify' shows what is affected, 'loire log repair' cuts it out and keeps the rest.");
        }
        return builder.Write(path, segment, until);
    }

    private bool IsDropped(long address) => _dropped.Exists(run => run.From <= address && address < run.Until);

    private sealed class Part
    {
        private long _truncatedTo = long.MaxValue;

        public List<IndexEntry> Entries { get; } = [];

        public void CutTo(long end)
        {
            Entries.RemoveAll(entry => entry.NextOffset > end);
            _truncatedTo = Math.Min(_truncatedTo, end);
        }

        public SegmentIndexRecord ToRecord(int handle, int firstEntry) => new(
            handle,
            firstEntry,
            Entries.Count,
            0,
            _truncatedTo,
            Entries.Sum(entry => (long)entry.SizeBytes),
            Entries.Count == 0 ? long.MinValue : Entries.Max(entry => entry.MaxTimestamp),
            Entries.Count == 0 ? 0 : Entries[^1].NextOffset);
    }
}
