namespace Loire.Client;

/// <summary>The batches of one partition: the one being filled, those that wait, the one under way. One at a time, so that
/// the order holds over repetitions; while it is under way the next one grows.</summary>
internal sealed partial class PartitionSender : IThreadPoolWorkItem, IAsyncDisposable
{
    private readonly ClientContext _context;
    private readonly ProducerOptions _options;
    private readonly BufferMemory _memory;
    private readonly ProduceBatchPool _pool;
    private readonly string _topic;
    private readonly int _partition;
    private readonly Lock _lock = new();
    private readonly Queue<ProduceBatch> _full = new();
    private readonly ITimer _linger;
    private ProduceBatch? _filling;
    private ProduceBatch? _sending;
    private bool _isRunning;
    private bool _isClosed;
    private long? _producerId;
    private int _nextSequence;

    public PartitionSender(
        ClientContext context, ProducerOptions options, BufferMemory memory, ProduceBatchPool pool, string topic, int partition)
    {
        _context = context;
        _options = options;
        _memory = memory;
        _pool = pool;
        _topic = topic;
        _partition = partition;
        using (ExecutionContext.SuppressFlow())
            _linger = context.Time.CreateTimer(_ => StartIfDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether a record of this size would join others.</summary>
    public bool HasOpenBatch(int sizeBytes)
    {
        lock (_lock)
        {
            return _filling is { } batch && Fits(batch, sizeBytes);
        }
    }

    public void Append(in OutgoingRecord record, int reservedSizeBytes, RecordCompletion completion)
    {
        var starts = false;
        lock (_lock)
        {
            if (_filling is { } full && !Fits(full, reservedSizeBytes))
            {
                _full.Enqueue(full);
                _filling = null;
            }
            if (_filling is null)
            {
                _filling = _pool.Rent();
                _filling.Start(_context.Time.GetTimestamp());
                if (_options.Linger > TimeSpan.Zero && !_isRunning)
                    _linger.Change(_options.Linger, Timeout.InfiniteTimeSpan);
            }
            _filling.Add(record, reservedSizeBytes, completion);
            starts = TryStartLocked();
        }
        if (starts)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Sends what there is.</summary>
    /// <returns>Completes when all that was appended before is delivered or given up.</returns>
    public Task FlushAsync()
    {
        Task settled;
        var starts = false;
        lock (_lock)
        {
            if ((_filling ?? _full.LastOrDefault() ?? _sending) is not { } last)
                return Task.CompletedTask;
            last.IsUrgent = true;
            settled = last.Settled;
            starts = TryStartLocked();
        }
        if (starts)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return settled;
    }

    /// <summary>Sends what has lingered long enough.</summary>
    public void StartIfDue()
    {
        bool starts;
        lock (_lock)
        {
            starts = TryStartLocked();
        }
        if (starts)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Execute() => _ = RunAsync();

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            // A record that comes too late to be flushed does not linger: nobody would send it.
            _isClosed = true;
        }
        await FlushAsync();
        await _linger.DisposeAsync();
    }

    private static bool Fits(ProduceBatch batch, int sizeBytes, int limitSizeBytes) =>
        batch.PlainSizeBytes + sizeBytes <= limitSizeBytes;

    private bool Fits(ProduceBatch batch, int sizeBytes) => Fits(batch, sizeBytes, _options.BatchSizeBytes);

    private bool IsDue(ProduceBatch batch) =>
        batch.IsUrgent || _isClosed || _memory.IsExhausted
        || _context.Time.GetElapsedTime(batch.StartedTimestamp) >= _options.Linger;

    private bool TryStartLocked()
    {
        if (_isRunning || (_full.Count == 0 && (_filling is not { } batch || !IsDue(batch))))
            return false;
        return _isRunning = true;
    }

    private async Task RunAsync()
    {
        while (TryTakeNext() is { } batch)
        {
            try
            {
                if (_options.Acks == Acks.None)
                {
                    await SendUnacknowledgedAsync(batch);
                    continue;
                }
                var offset = await DeliverAsync(batch);
                LoireClientTelemetry.SentRecords.Add(batch.RecordsCount, LoireClientTelemetry.Topic(_topic));
                LoireClientTelemetry.SendDuration.Record(
                    _context.Time.GetElapsedTime(batch.StartedTimestamp).TotalSeconds, LoireClientTelemetry.Topic(_topic));
                Settle(batch, offset, failure: null);
            }
            catch (Exception exception)
            {
                LoireClientTelemetry.FailedRecords.Add(batch.RecordsCount, LoireClientTelemetry.Topic(_topic));
                LogGivenUp(_context.Logger, exception, batch.RecordsCount, _topic, _partition);
                // What became of its sequence numbers is not known: the next batch begins a sequence of its own.
                _producerId = null;
                Settle(batch, offset: -1, exception);
            }
        }
    }

    private ProduceBatch? TryTakeNext()
    {
        lock (_lock)
        {
            if (!_full.TryDequeue(out _sending) && _filling is { } filling)
            {
                if (IsDue(filling))
                    (_sending, _filling) = (filling, null);
                else
                    _linger.Change(
                        _options.Linger - _context.Time.GetElapsedTime(filling.StartedTimestamp), Timeout.InfiniteTimeSpan);
            }
            _isRunning = _sending is not null;
            return _sending;
        }
    }

    private void Settle(ProduceBatch batch, long offset, Exception? failure)
    {
        var reserved = batch.ReservedSizeBytes;
        lock (_lock)
        {
            _sending = null;
            if (failure is null)
                batch.Succeed(_topic, _partition, offset);
            else
                batch.Fail(failure);
        }
        _pool.Return(batch);
        _memory.Release(reserved);
    }
}
