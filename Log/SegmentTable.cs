namespace Loire.Log;

/// <summary>The journal's segments from the oldest kept to the one appended to.</summary>
internal sealed class SegmentTable : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<JournalSegment> _segments = new();
    private readonly Action _unreferenced;

    public SegmentTable(Action unreferenced) => _unreferenced = unreferenced;

    /// <summary>The segment appended to. Under the journal's append lock.</summary>
    public JournalSegment Current { get; private set; } = null!;

    public int First
    {
        get
        {
            lock (_lock)
                return _segments.Peek().Number;
        }
    }

    public JournalSegment Begin(int number)
    {
        Current = new JournalSegment(number, _unreferenced);
        lock (_lock)
            _segments.Enqueue(Current);
        return Current;
    }

    /// <summary>The oldest segment, where nothing in it is wanted any more and it lies before <paramref name="limit"/>.</summary>
    public JournalSegment? FindDead(int limit)
    {
        lock (_lock)
        {
            var oldest = _segments.Peek();
            return oldest.Number < limit && !oldest.IsReferenced ? oldest : null;
        }
    }

    /// <summary>The segments that lie before <paramref name="limit"/>, oldest first.</summary>
    public JournalSegment[] Before(int limit)
    {
        lock (_lock)
            return [.. _segments.TakeWhile(segment => segment.Number < limit)];
    }

    /// <summary>Forgets the oldest segment.</summary>
    public void RemoveFirst()
    {
        lock (_lock)
            _segments.Dequeue().Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var segment in _segments)
                segment.Dispose();
            _segments.Clear();
        }
    }
}
