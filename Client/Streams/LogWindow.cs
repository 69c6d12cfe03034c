
namespace Loire.Client;

/// <summary>What a queue has in memory of its partition, and who reads where. What is not there is to be loaded from the
/// log, so no cursor ever misses an event that the log still has. Thread-safe.</summary>
/// <param name="sizeBytesMax">Beyond it the pages that were least lately used go.</param>
/// <param name="load">Asks for the page at an offset, to be given to <see cref="AddLoaded"/>.</param>
internal sealed class LogWindow(int sizeBytesMax, Action<long> load)
{
    private readonly Lock _lock = new();
    private readonly SortedList<long, LogPage> _pages = [];
    private readonly HashSet<LogCursor> _cursors = [];
    private readonly Dictionary<long, HashSet<StreamId>> _loading = [];
    private long _sizeBytes;
    private long _use;

    /// <summary>Behind the last event that the agent knows of.</summary>
    public long End { get; private set; }

    /// <summary>What is in memory ahead of the foremost reader is all that memory may hold.</summary>
    public bool IsUnderPressure
    {
        get
        {
            lock (_lock)
            {
                if (_cursors.Count == 0)
                    return false;
                var foremost = _cursors.Max(cursor => cursor.Position);
                var ahead = 0L;
                for (var i = _pages.Count - 1; i >= 0 && _pages.GetKeyAtIndex(i) >= foremost; i--)
                    ahead += _pages.GetValueAtIndex(i).SizeBytes;
                return ahead >= sizeBytesMax;
            }
        }
    }

    /// <summary>Up to here everything is delivered to everybody who reads.</summary>
    public long DeliveredUpTo
    {
        get
        {
            lock (_lock)
            {
                var delivered = End;
                foreach (var cursor in _cursors)
                    delivered = Math.Min(delivered, cursor.Undelivered);
                return delivered;
            }
        }
    }

    public void StartAt(long offset)
    {
        lock (_lock)
        {
            End = offset;
        }
    }

    /// <summary>Takes what was read at the end.</summary>
    public void Append(LogPage page)
    {
        lock (_lock)
        {
            foreach (var cursor in _cursors)
            {
                // Who has read everything of its stream is done with this page too, unless it holds news for it.
                if (cursor.Position >= page.From && cursor.Position < page.Next && !page.Holds(cursor.StreamId))
                    cursor.Position = page.Next;
            }
            End = Math.Max(End, page.Next);
            AddLocked(page);
        }
    }

    /// <summary>Takes what was asked for.</summary>
    /// <returns>The streams whose readers wait for it.</returns>
    public IReadOnlyCollection<StreamId> AddLoaded(long offset, LogPage page)
    {
        lock (_lock)
        {
            AddLocked(page);
            return _loading.Remove(offset, out var streams) ? streams : [];
        }
    }

    /// <param name="offset">Null for what comes from now on.</param>
    public LogCursor Open(StreamId stream, long? offset, int batchSize, DeliveryFailurePolicy policy)
    {
        lock (_lock)
        {
            var cursor = new LogCursor(this, stream, offset ?? End, batchSize, policy);
            _cursors.Add(cursor);
            return cursor;
        }
    }

    public void Close(LogCursor cursor)
    {
        lock (_lock)
        {
            _cursors.Remove(cursor);
        }
    }

    /// <summary>Moves a cursor to its stream's next event.</summary>
    /// <returns>Null where there is none yet, or it has to be loaded first.</returns>
    public StreamRecord? Advance(LogCursor cursor)
    {
        lock (_lock)
        {
            cursor.BeginMove();
            while (cursor.Position < End)
            {
                if (FindLocked(cursor.Position) is not { } page)
                {
                    RequestLocked(cursor.Position, cursor.StreamId);
                    break;
                }
                if (page.Find(cursor.StreamId, cursor.Position) is { } record)
                {
                    cursor.Take(record);
                    return record;
                }
                cursor.Position = page.Next;
            }
            cursor.EndBatch();
            return null;
        }
    }

    /// <summary>Its last batch is to be delivered again.</summary>
    public void StepBack(LogCursor cursor)
    {
        lock (_lock)
        {
            cursor.StepBack();
        }
    }

    private void RequestLocked(long offset, StreamId stream)
    {
        if (_loading.TryGetValue(offset, out var waiting))
        {
            waiting.Add(stream);
            return;
        }
        _loading[offset] = [stream];
        load(offset);
    }

    private LogPage? FindLocked(long offset)
    {
        var (low, high) = (0, _pages.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_pages.GetKeyAtIndex(middle) <= offset)
                low = middle + 1;
            else
                high = middle - 1;
        }
        if (high < 0 || _pages.GetValueAtIndex(high) is not { } page || page.Next <= offset)
            return null;
        page.LastUse = ++_use;
        return page;
    }

    private void AddLocked(LogPage page)
    {
        if (_pages.Remove(page.From, out var old))
            _sizeBytes -= old.SizeBytes;
        page.LastUse = ++_use;
        _pages[page.From] = page;
        _sizeBytes += page.SizeBytes;
        while (_sizeBytes > sizeBytesMax && _pages.Count > 1)
        {
            var oldest = _pages.Values.MinBy(candidate => candidate.LastUse)!;
            _pages.Remove(oldest.From);
            _sizeBytes -= oldest.SizeBytes;
        }
    }
}
