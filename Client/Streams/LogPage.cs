
namespace Loire.Client;

/// <summary>A stretch of a partition: all its events from one offset up to another.</summary>
internal sealed class LogPage
{
    private readonly Dictionary<StreamId, List<StreamRecord>> _streams = [];

    /// <param name="next">Behind the stretch.</param>
    /// <param name="records">In the order of their offsets.</param>
    public LogPage(long from, long next, IReadOnlyList<StreamRecord> records, int sizeBytes)
    {
        From = from;
        Next = next;
        Records = records;
        SizeBytes = sizeBytes;
        foreach (var record in records)
        {
            if (!_streams.TryGetValue(record.StreamId, out var own))
                _streams[record.StreamId] = own = [];
            own.Add(record);
        }
    }

    public long From { get; }
    public long Next { get; }
    public IReadOnlyList<StreamRecord> Records { get; }
    public int SizeBytes { get; }

    /// <summary>Counts up with use.</summary>
    public long LastUse { get; set; }

    public bool Holds(StreamId stream) => _streams.ContainsKey(stream);

    /// <returns>The stream's first event at or behind an offset; null where the page has none.</returns>
    public StreamRecord? Find(StreamId stream, long offset)
    {
        if (!_streams.TryGetValue(stream, out var own) || own[^1].Offset < offset)
            return null;
        var (low, high) = (0, own.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (own[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return own[low];
    }
}

/// <summary>A page that is being loaded, and for whom.</summary>
/// <param name="lifeMark">The <see cref="LogLife.Mark"/> of the log that it is asked of.</param>
internal sealed class PageRequest(long offset, int lifeMark)
{
    public long Offset => offset;
    public int LifeMark => lifeMark;
    public HashSet<StreamId> Streams { get; } = [];
}
