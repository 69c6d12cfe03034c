using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Loire.Broker.Ports;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Makes a full segment's index from the segment itself.</summary>
internal static class SegmentIndexBuilder
{
    /// <exception cref="LogStoreException">The segment is damaged.</exception>
    public static SegmentIndexFile Rebuild(JournalFiles files, int segment, long until, string path)
    {
        var parts = new SortedDictionary<int, Part>();
        var geometry = files.Geometry;
        long start = Math.Max(geometry.StartOf(segment), JournalGeometry.FirstAddress);
        var scanner = new JournalScanner(files, start, nextSequence: -1);
        while (scanner.MoveNext() && scanner.Address < until)
        {
            if (scanner.Entry.Partition < 0)
                continue;
            if (!parts.TryGetValue(scanner.Entry.Partition, out var part))
                parts.Add(scanner.Entry.Partition, part = new Part());
            part.Apply(scanner);
        }
        if (scanner.Address < until && scanner.End != ScanEnd.Tail)
        {
            throw new LogStoreException(
                $"{files.PathOf(segment)} is damaged at address {scanner.EndAddress}: what stands there is no whole entry. " +
                "'loire log verify' shows what is affected, 'loire log repair' cuts it out and keeps the rest.");
        }

        var records = new List<SegmentIndexRecord>();
        var entries = new List<IndexEntry>();
        foreach (var (handle, part) in parts)
        {
            records.Add(part.ToRecord(handle, entries.Count));
            entries.AddRange(part.Entries);
        }
        return SegmentIndexFile.Write(
            path, segment, until, CollectionsMarshal.AsSpan(records), CollectionsMarshal.AsSpan(entries));
    }

    private sealed class Part
    {
        private long _truncatedTo = long.MaxValue;

        public List<IndexEntry> Entries { get; } = [];

        public void Apply(JournalScanner scanner)
        {
            if (scanner.Entry.Kind == EntryKind.Append)
            {
                var batch = RecordBatchHeader.Read(scanner.Payload);
                Entries.Add(IndexEntry.Of(scanner.Address, batch));
            }
            else if (scanner.Entry.Kind == EntryKind.Truncate)
            {
                long end = BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload);
                Entries.RemoveAll(entry => entry.NextOffset > end);
                _truncatedTo = Math.Min(_truncatedTo, end);
            }
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
