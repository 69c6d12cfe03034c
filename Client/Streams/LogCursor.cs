using System.Diagnostics;
using System.Diagnostics.Metrics;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>One subscription's place in a partition. The agent takes a batch of events, delivers it, and only then moves on:
/// so the batch is delivered when the next one is begun. A batch that fails is delivered again event by event, so that the
/// policy meets only those that fail alone.</summary>
/// <param name="batchSize">How many events the agent takes at once, as long as there are any.</param>
/// <param name="isWanted">The consumer wants the event at the position: it made the token itself. Of a token that came with an
/// event, it may have that event.</param>
internal sealed class LogCursor(
    LogWindow window, StreamId streamId, long position, int batchSize, DeliveryFailurePolicy policy, bool isWanted)
    : IQueueCacheCursor
{
    private const long None = -1;

    private readonly string _topic = StreamAddress.TopicOf(streamId);
    private StreamRecord? _current;
    private Activity? _span;
    private bool _isCounted;
    private long _batchStart = None;
    private int _batchCount;
    private bool _isBatchOver;
    private bool _isWanted = isWanted;

    /// <summary>Below it each event is a batch of its own.</summary>
    private long _aloneUpTo = None;

    public StreamId StreamId => streamId;

    /// <summary>Where it looks next.</summary>
    public long Position { get; set; } = position;

    /// <summary>The first offset that may not be delivered yet.</summary>
    public long Undelivered => _batchStart == None ? Position : _batchStart;

    private bool BeginsBatch => _isBatchOver || _batchCount == 0 || _batchCount >= batchSize;

    /// <summary>The event that was failed for good last, until the failure handler takes note of it.</summary>
    public long? GivenUp { get; set; }

    /// <summary>The agent looks at what it takes into a batch. It moves on without a look to pass over an event that its
    /// consumer says it has already.</summary>
    public IBatchContainer? GetCurrent(out Exception? exception)
    {
        exception = null;
        if (_current is { } record && !_isCounted)
        {
            (_isCounted, _isWanted, _batchCount) = (true, false, _batchCount + 1);
            if (_batchCount == 1)
                _span = DeliverySpan.Start(_topic, record, isAlone: batchSize == 1);
            if (_span is { } span)
                DeliverySpan.Link(span, record);
        }
        return _current;
    }

    public bool MoveNext()
    {
        if (BeginsBatch)
            Note(LoireClientTelemetry.DeliveredEvents, isFailed: false);
        _current = window.Advance(this);
        _isCounted = false;
        return _current is not null;
    }

    /// <summary>News of the stream lie behind the cursor's place in any case. A rewind does not come this way: a subscription that
    /// is resumed with an older token keeps it to itself until the next event is delivered to it, which it answers with the token,
    /// and the agent takes a new cursor. Until then Orleans tells nobody.</summary>
    public void Refresh(StreamSequenceToken token)
    {
    }

    public void RecordDeliveryFailure()
    {
        window.Fail(this);
        Note(LoireClientTelemetry.UndeliveredEvents, isFailed: true);
    }

    public void Dispose()
    {
        _span?.Dispose();
        window.Close(this);
    }

    /// <summary>The agent asks for an event: if that begins a batch, the one before is delivered.</summary>
    /// <returns>False where the batch ends here.</returns>
    internal bool BeginMove()
    {
        if (BeginsBatch)
            (_batchStart, _isBatchOver) = (None, false);
        else if (_batchStart < _aloneUpTo)
            _isBatchOver = true;
        return !_isBatchOver;
    }

    /// <summary>What the agent moved past without a look though the consumer wants it: it takes every token that a delivery is
    /// answered with for that of an event that the consumer has.</summary>
    internal StreamRecord? TakePassedOver()
    {
        if (!_isWanted || _current is null)
            return null;
        _isWanted = false;
        return _current;
    }

    internal void Take(StreamRecord record)
    {
        if (_batchStart == None)
            _batchStart = record.Offset;
        Position = record.Offset + 1;
    }

    internal void EndBatch() => _isBatchOver = true;

    /// <summary>The batch was not taken.</summary>
    internal void Fail()
    {
        // Nothing was taken from the log as it is now: it began anew meanwhile.
        if (_batchCount == 0)
            return;
        _isBatchOver = true;
        if (_batchCount > 1)
            _aloneUpTo = Position;
        else if (policy != DeliveryFailurePolicy.Retry)
        {
            GivenUp = _batchStart;
            return;
        }
        Position = _batchStart;
    }

    /// <summary>What it has read is worth nothing any more.</summary>
    internal void Restart(long offset)
    {
        (Position, _batchStart, _batchCount, _isBatchOver) = (offset, None, 0, false);
        (_aloneUpTo, GivenUp, _isWanted) = (None, null, false);
    }

    /// <summary>What became of the batch is known.</summary>
    private void Note(Counter<long> events, bool isFailed)
    {
        if (_batchCount > 0)
            events.Add(_batchCount, LoireClientTelemetry.Topic(_topic));
        DeliverySpan.End(_span, _batchCount, isFailed);
        (_span, _batchCount) = (null, 0);
    }
}
