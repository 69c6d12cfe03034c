using System.Buffers;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Batches of one partition, planned from its index and given or copied when they are sent: from the journal's
/// memory where they are still there, else from its files, neighbours in one read.</summary>
internal sealed class JournalRecords : IRecordsSource
{
    /// <summary>How far apart batches may lie to be read at once: reading the bytes between costs less than a call.</summary>
    private const int NeighbourGapBytes = 16 << 10;
    private const int MaxReadBytes = 1 << 20;

    /// <summary>How much the disk is told of beforehand: the batches of one partition lie far apart where many are written
    /// to, and one after the other they would take the disk's latency each.</summary>
    private const int PrefetchBytes = 4 << 20;

    /// <summary>What is asked of the output at a time; it may give more.</summary>
    private const int OutputHintBytes = 4096;

    private readonly Journal _journal;
    private readonly List<JournalSegment> _segments;
    private readonly Range[] _batches;
    private readonly int _count;

    /// <summary>The batch that is copied next, and how much of it was.</summary>
    private int _next;
    private int _done;

    /// <summary>The batch that the disk is told of next.</summary>
    private int _nextPrefetched;

    private JournalRecords(
        Journal journal, List<JournalSegment> segments, Range[] batches, int count, int sizeBytes, long nextOffset)
    {
        _journal = journal;
        _segments = segments;
        _batches = batches;
        _count = count;
        SizeBytes = sizeBytes;
        NextOffset = nextOffset;
        foreach (var segment in segments)
            segment.BeginRead();
    }

    public int SizeBytes { get; }
    public long NextOffset { get; }

    /// <summary>Under the partition's lock.</summary>
    public static JournalRecords? Plan(
        Journal journal, BatchIndex index, long from, long limit, int maxBytes, bool atLeastOne)
    {
        var position = index.Find(from);
        if (!index.TryGet(position, out var entry) || !Fits(entry, 0))
            return null;

        var segments = new List<JournalSegment>(1);
        var batches = ArrayPool<Range>.Shared.Rent(16);
        int count = 0, size = 0;
        long next;
        do
        {
            if (count == batches.Length)
                Grow(ref batches);
            if (index.Blocks[position.Block].Segment is var segment && (count == 0 || segment != segments[^1]))
                segments.Add(segment);
            batches[count++] = new Range(entry.Address, entry.SizeBytes);
            size += entry.SizeBytes;
            next = entry.NextOffset;
            position = index.Next(position);
        }
        while (index.TryGet(position, out entry) && Fits(entry, size));
        return new JournalRecords(journal, segments, batches, count, size, next);

        bool Fits(in IndexEntry candidate, int before) =>
            candidate.NextOffset <= limit
            && ((long)before + candidate.SizeBytes <= maxBytes || (before == 0 && atLeastOne));
    }

    public int CopyNext(IBufferWriter<byte> output, int sizeBytes)
    {
        int copied = 0;
        while (copied < sizeBytes && _next < _count)
        {
            int wanted = Math.Min(_batches[_next].SizeBytes - _done, sizeBytes - copied);
            int done = CopyFromMemory(_batches[_next].Address + _done, wanted, output);
            copied += done;
            Pass(done);
            if (done < wanted)
                copied += CopyFromDisk(output);
        }
        return copied;
    }

    public bool TryGiveNext(IRecordsSink sink, out int taken)
    {
        taken = 0;
        if (_next == _count
            || !_journal.TryGiveFromMemory(_batches[_next].Address + _done, _batches[_next].SizeBytes - _done, sink, out taken))
        {
            return false;
        }
        Pass(taken);
        return true;
    }

    public void Release()
    {
        foreach (var segment in _segments)
            segment.EndRead();
        ArrayPool<Range>.Shared.Return(_batches);
    }

    /// <returns>How much of it was there.</returns>
    private int CopyFromMemory(long address, int sizeBytes, IBufferWriter<byte> output)
    {
        int done = 0;
        while (done < sizeBytes)
        {
            var span = output.GetSpan(Math.Min(sizeBytes - done, OutputHintBytes));
            int size = Math.Min(span.Length, sizeBytes - done);
            if (!_journal.TryCopyFromMemory(address + done, span[..size]))
                break;
            output.Advance(size);
            done += size;
        }
        return done;
    }

    /// <summary>Copies what is left of the present batch, and the neighbours that follow it as far as they are on the disk
    /// too, in one read.</summary>
    private int CopyFromDisk(IBufferWriter<byte> output)
    {
        int first = _next;
        long start = _batches[first].Address + _done;
        if (_nextPrefetched <= first)
            Prefetch();
        int end = first + 1;
        long durableUntil = _journal.DurableUntil;
        while (end < _count && _batches[end].End <= durableUntil && IsNeighbour(end, start))
            end++;
        if (end == first + 1)
            return CopyPieceFromDisk(start, _batches[first].SizeBytes - _done, output);

        int size = (int)(_batches[end - 1].End - start);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(size);
        _journal.Files.Read(start, buffer.AsSpan(0, size));
        int copied = 0;
        for (int i = first; i < end; i++)
        {
            long from = Math.Max(start, _batches[i].Address);
            int part = (int)(_batches[i].End - from);
            output.Write(buffer.AsSpan((int)(from - start), part));
            Pass(part);
            copied += part;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return copied;
    }

    private int CopyPieceFromDisk(long address, int sizeBytes, IBufferWriter<byte> output)
    {
        var span = output.GetSpan(Math.Min(sizeBytes, MaxReadBytes));
        int size = Math.Min(span.Length, sizeBytes);
        _journal.Files.Read(address, span[..size]);
        output.Advance(size);
        Pass(size);
        return size;
    }

    private void Prefetch()
    {
        long durableUntil = _journal.DurableUntil;
        int told = 0;
        for (_nextPrefetched = _next; _nextPrefetched < _count && told < PrefetchBytes; _nextPrefetched++)
        {
            var batch = _batches[_nextPrefetched];
            if (batch.End > durableUntil)
                break;
            _journal.Files.Prefetch(batch.Address, batch.SizeBytes);
            told += batch.SizeBytes;
        }
        // At least the one that is read now, so that the next read does not tell all of it again.
        _nextPrefetched = Math.Max(_nextPrefetched, _next + 1);
    }

    private void Pass(int bytes)
    {
        _done += bytes;
        if (_done < _batches[_next].SizeBytes)
            return;
        _next++;
        _done = 0;
    }

    private bool IsNeighbour(int batch, long start)
    {
        var geometry = _journal.Geometry;
        return _batches[batch].Address - _batches[batch - 1].End <= NeighbourGapBytes
            && _batches[batch].End - start <= MaxReadBytes
            && geometry.SegmentOf(_batches[batch].Address) == geometry.SegmentOf(start);
    }

    private static void Grow(ref Range[] batches)
    {
        var larger = ArrayPool<Range>.Shared.Rent(batches.Length * 2);
        batches.CopyTo(larger, 0);
        ArrayPool<Range>.Shared.Return(batches);
        batches = larger;
    }

    private readonly record struct Range(long Address, int SizeBytes)
    {
        public long End => Address + SizeBytes;
    }
}
