using Orleans.Streams;

namespace Loire.Client;

/// <summary>What a queue has in memory of its partition, and who reads where. What is not there is to be loaded from the
/// log, so no cursor ever misses an event that the log still has. Thread-safe.</summary>
/// <param name="sizeBytesMax">Beyond it the pages that were least lately used go.</param>
/// <param name="load">Asks for a page, to be given to <see cref="AddLoaded"/>.</param>
internal sealed class LogWindow(int sizeBytesMax, Action<PageRequest> load)
{
    private readonly Lock _lock = new();
    private readonly SortedList<long, LogPage> _pages = [];
    private readonly HashSet<LogCursor> _cursors = [];
    private readonly Dictionary<long, PageRequest> _loading = [];
    private long _sizeBytes;
    private long _use;
    private long _start;

    /// <summary>Behind the last event that the agent knows of.</summary>
    public long End { get; private set; }

    /// <summary>The <see cref="LogLife.Mark"/> of the log that is read.</summary>
    public int LifeMark { get; private set; }

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

    /// <summary>The log begins, or begins anew: nothing that was known of it holds any longer.</summary>
    public void Restart(long offset, int lifeMark)
    {
        lock (_lock)
        {
            _pages.Clear();
            _loading.Clear();
            _sizeBytes = 0;
            (_start, End, LifeMark) = (offset, offset, lifeMark);
            foreach (var cursor in _cursors)
                cursor.Restart(offset);
        }
    }

    /// <summary>Reading goes on there: retention has taken what lies before.</summary>
    public void SkipTo(long offset)
    {
        lock (_lock)
        {
            foreach (var cursor in _cursors)
            {
                if (cursor.Position == End)
                    cursor.Position = offset;
            }
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

    /// <summary>Whether anybody still waits for a page.</summary>
    public bool IsWanted(PageRequest request)
    {
        lock (_lock)
        {
            return IsWantedLocked(request);
        }
    }

    /// <summary>Takes what was asked for.</summary>
    /// <returns>The streams whose readers wait for it; none where the log has begun anew since.</returns>
    public IReadOnlyCollection<StreamId> AddLoaded(PageRequest request, LogPage page)
    {
        lock (_lock)
        {
            if (!IsWantedLocked(request))
                return [];
            AddLocked(page);
            _loading.Remove(request.Offset);
            return request.Streams;
        }
    }

    /// <param name="token">Null for what comes from now on. One of another life of the log says nothing about this one, so
    /// its bearer gets all that this queue has read of it.</param>
    public LogCursor Open(StreamId stream, StreamSequenceToken? token, int batchSize, DeliveryFailurePolicy policy)
    {
        lock (_lock)
        {
            var position = token is null ? End : LogLife.IsOf(token, LifeMark) ? token.SequenceNumber : _start;
            var cursor = new LogCursor(this, stream, position, batchSize, policy, isWanted: token is { EventIndex: 0 });
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
            if (cursor.TakePassedOver() is { } wanted)
                return wanted;
            if (!cursor.BeginMove())
                return null;
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

    /// <summary>A cursor's last batch was not taken.</summary>
    public void Fail(LogCursor cursor)
    {
        lock (_lock)
        {
            cursor.Fail();
        }
    }

    /// <summary>Whether a reader has given an event up; asked once. Of two readers of one stream that fail at the same event at
    /// the same time each may be told of the other's.</summary>
    public bool TakeGivenUp(StreamId stream, long offset)
    {
        lock (_lock)
        {
            foreach (var cursor in _cursors)
            {
                if (cursor.GivenUp != offset || cursor.StreamId != stream)
                    continue;
                cursor.GivenUp = null;
                return true;
            }
            return false;
        }
    }

    private bool IsWantedLocked(PageRequest request) => _loading.TryGetValue(request.Offset, out var known) && known == request;

    private void RequestLocked(long offset, StreamId stream)
    {
        if (_loading.TryGetValue(offset, out var known))
        {
            known.Streams.Add(stream);
            return;
        }
        var request = new PageRequest(offset, LifeMark);
        request.Streams.Add(stream);
        _loading[offset] = request;
        load(request);
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
