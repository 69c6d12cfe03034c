namespace Loire.Log;

/// <summary>A partition's batches from its log start to its log end, as blocks of the journal's segments. Under the
/// partition's lock.</summary>
internal sealed class BatchIndex
{
    private readonly List<IndexBlock> _blocks = [];

    /// <summary>In the first block, how many batches lie below the log start, and their bytes.</summary>
    private int _skipped;
    private long _skippedBytes;

    public bool IsEmpty => _blocks.Count == 0;

    /// <summary>Bytes of the batches.</summary>
    public long SizeBytes { get; private set; }

    public IndexPosition First => new(0, _skipped);
    public IReadOnlyList<IndexBlock> Blocks => _blocks;

    /// <summary>The offset after the last batch, where there is one.</summary>
    public long EndOffset => _blocks[^1].EndOffset;

    /// <summary>Bytes of the batches in a block that do not lie below the log start.</summary>
    public long SizeBytesOf(int block) => _blocks[block].SizeBytes - (block == 0 ? _skippedBytes : 0);

    public void Append(in IndexEntry entry, JournalSegment segment)
    {
        if (IsEmpty || _blocks[^1].Segment != segment)
            _blocks.Add(new IndexBlock(segment));
        _blocks[^1].Add(entry);
        SizeBytes += entry.SizeBytes;
    }

    public void Append(IndexBlock block)
    {
        _blocks.Add(block);
        SizeBytes += block.SizeBytes;
    }

    public bool TryGet(IndexPosition position, out IndexEntry entry)
    {
        if (position.Block >= _blocks.Count)
        {
            entry = default;
            return false;
        }
        entry = _blocks[position.Block].Entries[position.Entry];
        return true;
    }

    public IndexPosition Next(IndexPosition position) => position.Entry + 1 < _blocks[position.Block].Count
        ? position with { Entry = position.Entry + 1 }
        : new IndexPosition(position.Block + 1, 0);

    /// <summary>The first batch that ends after an offset; one past the last where there is none.</summary>
    public IndexPosition Find(long offset)
    {
        int low = 0, high = _blocks.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_blocks[middle].EndOffset > offset)
                high = middle;
            else
                low = middle + 1;
        }
        if (low == _blocks.Count)
            return new IndexPosition(low, 0);

        var entries = _blocks[low].Entries;
        int first = low == 0 ? _skipped : 0, last = entries.Length - 1;
        while (first < last)
        {
            int middle = (first + last) / 2;
            if (entries[middle].NextOffset > offset)
                last = middle;
            else
                first = middle + 1;
        }
        return new IndexPosition(low, first);
    }

    /// <summary>The offsets of the batches that begin in a part of the journal; null for none.</summary>
    public OffsetRange? FindOffsetsIn(long from, long until)
    {
        OffsetRange? found = null;
        for (int i = 0; i < _blocks.Count; i++)
        {
            var entries = _blocks[i].Entries[(i == 0 ? _skipped : 0)..];
            if (entries[^1].Address < from)
                continue;
            if (entries[0].Address >= until)
                break;
            foreach (ref readonly var entry in entries)
            {
                if (entry.Address >= from && entry.Address < until)
                    found = new OffsetRange(found?.From ?? entry.BaseOffset, entry.NextOffset);
            }
        }
        return found;
    }

    /// <summary>Drops the batches that hold offsets from <paramref name="end"/> on.</summary>
    /// <returns>The base offset of the first batch dropped, or <paramref name="end"/>, whichever is lower.</returns>
    public long CutTo(long end)
    {
        var cut = Find(end);
        if (!TryGet(cut, out var dropped))
            return end;
        for (int i = _blocks.Count - 1; i > cut.Block; i--)
            DropLast();
        if (cut.Entry == (cut.Block == 0 ? _skipped : 0))
        {
            DropLast();
        }
        else
        {
            var block = _blocks[cut.Block];
            SizeBytes -= block.SizeBytes;
            block.CutTo(cut.Entry);
            SizeBytes += block.SizeBytes;
        }
        return Math.Min(end, dropped.BaseOffset);
    }

    /// <summary>Drops the batches that end at or below the log start.</summary>
    public void Trim(long logStart)
    {
        int dropped = 0;
        while (dropped < _blocks.Count && _blocks[dropped].EndOffset <= logStart)
            dropped++;
        DropFirst(dropped);
        if (IsEmpty)
            return;
        int keep = Find(logStart).Entry;
        long skippedBytes = 0;
        foreach (ref readonly var skipped in _blocks[0].Entries[_skipped..keep])
            skippedBytes += skipped.SizeBytes;
        _skipped = keep;
        _skippedBytes += skippedBytes;
        SizeBytes -= skippedBytes;
    }

    public void Clear() => DropFirst(_blocks.Count);

    /// <summary>Reads no entries: they may be on the disk, and appends wait.</summary>
    private void DropFirst(int count)
    {
        if (count == 0)
            return;
        for (int i = 0; i < count; i++)
        {
            SizeBytes -= SizeBytesOf(i);
            _blocks[i].Drop();
        }
        _blocks.RemoveRange(0, count);
        _skipped = 0;
        _skippedBytes = 0;
    }

    private void DropLast()
    {
        int last = _blocks.Count - 1;
        if (last == 0)
        {
            DropFirst(1);
            return;
        }
        SizeBytes -= SizeBytesOf(last);
        _blocks[last].Drop();
        _blocks.RemoveAt(last);
    }
}

/// <summary>A batch's place in a <see cref="BatchIndex"/>.</summary>
internal readonly record struct IndexPosition(int Block, int Entry);
