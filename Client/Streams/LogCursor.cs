using Orleans.Streams;

namespace Loire.Client;

/// <summary>One subscription's place in a partition. The agent takes a batch of events, delivers it, and only then moves on:
/// so the batch is delivered when the next one is begun.</summary>
/// <param name="batchSize">How many events the agent takes at once, as long as there are any.</param>
internal sealed class LogCursor(
    LogWindow window, StreamId streamId, long position, int batchSize, DeliveryFailurePolicy policy) : IQueueCacheCursor
{
    private const long None = -1;

    private StreamRecord? _current;
    private long _batchStart = None;
    private int _batchCount;
    private bool _isBatchOver;

    public StreamId StreamId => streamId;

    /// <summary>Where it looks next.</summary>
    public long Position { get; set; } = position;

    /// <summary>The first offset that may not be delivered yet.</summary>
    public long Undelivered => _batchStart == None ? Position : _batchStart;

    public IBatchContainer? GetCurrent(out Exception? exception)
    {
        exception = null;
        return _current;
    }

    public bool MoveNext()
    {
        _current = window.Advance(this);
        return _current is not null;
    }

    /// <summary>News of the stream lie behind the cursor's place in any case.</summary>
    public void Refresh(StreamSequenceToken token)
    {
    }

    public void RecordDeliveryFailure()
    {
        if (policy == DeliveryFailurePolicy.Retry)
            window.StepBack(this);
    }

    public void Dispose() => window.Close(this);

    /// <summary>The agent asks for an event: if that begins a batch, the one before is delivered.</summary>
    internal void BeginMove()
    {
        if (!_isBatchOver && _batchCount < batchSize)
            return;
        (_batchStart, _batchCount, _isBatchOver) = (None, 0, false);
    }

    internal void Take(StreamRecord record)
    {
        if (_batchStart == None)
            _batchStart = record.Offset;
        _batchCount++;
        Position = record.Offset + 1;
    }

    internal void EndBatch() => _isBatchOver = true;

    internal void StepBack() => Position = Undelivered;
}
