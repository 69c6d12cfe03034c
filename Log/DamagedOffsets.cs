namespace Loire.Log;

/// <param name="Until">Exclusive.</param>
internal readonly record struct OffsetRange(long From, long Until);

/// <summary>The offsets of a partition whose batches are known to be damaged. Under the partition's lock.</summary>
internal sealed class DamagedOffsets
{
    private readonly List<OffsetRange> _ranges = [];

    public void Add(OffsetRange range) => _ranges.Add(range);

    /// <summary>What comes there from now on is whole.</summary>
    public void CutTo(long end)
    {
        _ranges.RemoveAll(range => range.From >= end);
        for (int i = 0; i < _ranges.Count; i++)
            _ranges[i] = _ranges[i] with { Until = Math.Min(_ranges[i].Until, end) };
    }

    public bool Contains(long offset) => _ranges.Exists(range => range.From <= offset && offset < range.Until);

    /// <summary>How far a read from a whole batch on may go.</summary>
    public long Limit(long from, long limit)
    {
        foreach (var range in _ranges)
        {
            if (range.From > from)
                limit = Math.Min(limit, range.From);
        }
        return limit;
    }
}
