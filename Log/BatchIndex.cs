namespace Loire.Log;

/// <summary>A partition's batches from its log start to its log end, as blocks of the journal's segments. Under the
/// partition's lock.</summary>
internal sealed class BatchIndex
{
    private readonly List<IndexBlock> _blocks = [];

    /// <summary>In the first block, how many batches lie below the log start.</summary>
    private int _skipped;

    public bool IsEmpty => _blocks.Count == 0;

    /// <summary>Bytes of the batches.</summary>
    public long SizeBytes { get; private set; }

    public IndexPosition First => new(0, _skipped);
    public IReadOnlyList<IndexBlock> Blocks => _blocks;

    /// <summary>The offset after the last batch, where there is one.</summary>
    public long EndOffset => _blocks[^1].EndOffset;

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

    /// <summary>Whether any batch begins in a part of the journal.</summary>
    public bool HasBatchIn(long from, long until)
    {
        for (int i = 0; i < _blocks.Count; i++)
        {
            foreach (ref readonly var entry in _blocks[i].Entries[(i == 0 ? _skipped : 0)..])
            {
                if (entry.Address >= from && entry.Address < until)
                    return true;
            }
        }
        return false;
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
        while (!IsEmpty && _blocks[0].EndOffset <= logStart)
            DropFirst();
        if (IsEmpty)
            return;
        int keep = Find(logStart).Entry;
        foreach (ref readonly var dropped in _blocks[0].Entries[_skipped..keep])
            SizeBytes -= dropped.SizeBytes;
        _skipped = keep;
    }

    public void Clear()
    {
        while (!IsEmpty)
            DropFirst();
    }

    private void DropFirst()
    {
        foreach (ref readonly var dropped in _blocks[0].Entries[_skipped..])
            SizeBytes -= dropped.SizeBytes;
        _blocks[0].Drop();
        _blocks.RemoveAt(0);
        _skipped = 0;
    }

    private void DropLast()
    {
        var last = _blocks[^1];
        int skipped = _blocks.Count == 1 ? _skipped : 0;
        foreach (ref readonly var dropped in last.Entries[skipped..])
            SizeBytes -= dropped.SizeBytes;
        last.Drop();
        _blocks.RemoveAt(_blocks.Count - 1);
        if (IsEmpty)
            _skipped = 0;
    }
}

/// <summary>A batch's place in a <see cref="BatchIndex"/>.</summary>
internal readonly record struct IndexPosition(int Block, int Entry);
