using System.Diagnostics.CodeAnalysis;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>One partition as the queue of a pulling agent: reads the log at its end for everybody, loads pages for who is
/// behind, and keeps up to where all is delivered in a consumer group. Whoever takes the queue over starts there: at least
/// once.</summary>
internal sealed partial class PartitionQueue : IQueueAdapterReceiver, IQueueCache
{
    private const int MaxAddCount = 1024;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan GrowthCheckEvery = TimeSpan.FromSeconds(10);

    private readonly StreamContext _context;
    private readonly string _topic;
    private readonly int _partition;
    private readonly LogWindow _window;
    private readonly PageLoader _loader;
    private readonly PositionKeeper _position;
    private readonly Action<PartitionQueue> _onShutdown;
    private readonly CancellationTokenSource _stop = new();
    private FetchQueue? _fetches;
    private Task<ConsumeBatch>? _pending;
    private LogPage? _incoming;
    private Backoff _backoff;
    private long _failedTimestamp;
    private TimeSpan _pause;

    /// <summary>Where reading is to go on lies outside the log.</summary>
    private bool _isOutside;

    /// <param name="onShutdown">Told when the agent has given the queue up.</param>
    public PartitionQueue(StreamContext context, string topic, int partition, Action<PartitionQueue> onShutdown)
    {
        _context = context;
        _topic = topic;
        _partition = partition;
        _onShutdown = onShutdown;
        _loader = new PageLoader(context, topic, partition, _stop.Token);
        _window = new LogWindow(context.Options.CacheSizeBytes, _loader.Request);
        _loader.Window = _window;
        _position = new PositionKeeper(context, topic, partition);
    }

    /// <summary>Cancelled when the agent gives the queue up.</summary>
    public CancellationToken Stopped => _stop.Token;

    /// <summary>Starting is left to the first read, which repeats it until it succeeds.</summary>
    public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

    public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) =>
        GetQueueMessagesAsync(maxCount, CancellationToken.None);

    public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount, CancellationToken cancellationToken)
    {
        if (_context.Client.Time.GetElapsedTime(_failedTimestamp) < _pause)
            return [];
        List<IBatchContainer> messages = [];
        try
        {
            if (_fetches is not null && HasTopicChanged())
                await StopFetchingAsync();
            _fetches ??= await TryStartAsync(cancellationToken);
            if (_fetches is null)
                return [];
            _position.Keep(_window.DeliveredUpTo);
            _pending ??= _fetches.ReadAsync(CancellationToken.None).AsTask();
            var isPressed = _window.IsUnderPressure;
            var wait = Task.Delay(LongestWait, _context.Client.Time, cancellationToken);
            await (isPressed ? Task.WhenAny(_loader.Arrived, wait) : Task.WhenAny(_pending, _loader.Arrived, wait));
            messages = _loader.TakeArrived();
            if (_pending.IsCompleted && (!isPressed || wait.IsCompleted))
            {
                var pending = _pending;
                _pending = null;
                var batch = await pending;
                _incoming = _context.ToPage(
                    _topic, _partition, _window.LifeMark, _window.End, batch.NextOffset, batch, batch.SizeBytes);
                messages.AddRange(_incoming.Records);
            }
            return messages;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogFailed(_context.Client.Logger, exception, _context.ProviderName, _topic, _partition);
            _isOutside |= exception is LoireException { Error: (short)ErrorCode.OffsetOutOfRange };
            Pause(_backoff.Next());
            await StopFetchingAsync();

            // Marks that were taken are not yielded again: without them who waits for a page would sleep on.
            return messages;
        }
    }

    public void AddToCache(IList<IBatchContainer> messages)
    {
        if (_incoming is { } page)
            _window.Append(page);
        _incoming = null;
    }

    public int GetMaxAddCount() => MaxAddCount;

    /// <summary>Pressure slows down the reading at the end, and stops nothing: who waits for a page is to be woken, and
    /// streams without a reader yet are to be found, however long others take.</summary>
    public bool IsUnderPressure() => false;

    public IQueueCacheCursor GetCacheCursor(StreamId streamId, StreamSequenceToken? token) =>
        _window.Open(streamId, token, _context.Options.BatchSize, _context.Options.OnDeliveryFailure);

    /// <inheritdoc cref="LogWindow.TakeGivenUp"/>
    public bool TakeGivenUp(StreamId stream, long offset) => _window.TakeGivenUp(stream, offset);

    /// <summary>The window makes room by itself.</summary>
    public bool TryPurgeFromCache([MaybeNullWhen(false)] out IList<IBatchContainer> purgedItems)
    {
        purgedItems = null;
        return false;
    }

    public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

    public async Task Shutdown(TimeSpan timeout)
    {
        _onShutdown(this);
        await _stop.CancelAsync();
        await StopFetchingAsync();
        using var limit = new CancellationTokenSource(timeout);
        await _position.KeepNowAsync(_window.DeliveredUpTo, limit.Token);
    }

    /// <returns>Null where the topic has no such partition yet, or more than there are queues for: an event of a partition that
    /// nobody reads would be missed in silence.</returns>
    private async Task<FetchQueue?> TryStartAsync(CancellationToken cancellationToken)
    {
        // It may be another topic of the same name.
        if (_isOutside)
            await _context.Client.Topics.RefreshAsync(_topic, cancellationToken);
        var topic = await _context.FindTopicAsync(_topic, cancellationToken);
        if (topic.Partitions.Length > _context.Options.PartitionsPerTopic)
        {
            LogTooMany(
                _context.Client.Logger, _context.ProviderName, _topic, topic.Partitions.Length, _context.Options.PartitionsPerTopic);
            Pause(GrowthCheckEvery);
            return null;
        }
        if (_partition >= topic.Partitions.Length)
        {
            Pause(GrowthCheckEvery);
            return null;
        }
        await _context.EnsureDeadLetterTopicAsync(cancellationToken);
        await LocateAsync(topic.Id, cancellationToken);
        _isOutside = false;
        LogStarted(_context.Client.Logger, _context.ProviderName, _topic, _partition, _window.End);
        var fetches = new FetchQueue(_context.Client, new ConsumerOptions
        {
            FetchSizeBytes = _context.Options.FetchSizeBytes,
            PrefetchSizeBytes = _context.Options.FetchSizeBytes,
            OffsetReset = OffsetReset.Fail,
        });
        fetches.Add(new PartitionStart(_topic, _partition, StartPosition.At(_window.End)));
        _backoff.Reset();
        return fetches;
    }

    /// <summary>Puts the window's end where reading goes on: behind what the agent has, as long as offsets mean the same records
    /// as they did.</summary>
    private async Task LocateAsync(Guid topicId, CancellationToken cancellationToken)
    {
        if (!_position.IsKnown)
        {
            var found = await _position.FindAsync(topicId, cancellationToken);
            _window.Restart(found, _position.Life.Mark);
            return;
        }
        var isNewTopic = topicId != _position.Life.TopicId;
        if (!isNewTopic && !_isOutside)
            return;
        if (!isNewTopic)
        {
            var range = await PartitionQueries.GetOffsetsAsync(_context.Client, _topic, _partition, cancellationToken);
            if (_window.End < range.LogStartOffset)
            {
                LogGone(_context.Client.Logger, _context.ProviderName, _topic, _partition, _window.End, range.LogStartOffset);
                _window.SkipTo(range.LogStartOffset);
                return;
            }
        }
        var end = _window.End;
        var life = isNewTopic ? new LogLife(topicId, 0) : _position.Life.Next;
        var start = await _position.RestartAsync(life, isNewTopic, cancellationToken);
        _window.Restart(start, life.Mark);
        LogRestarted(_context.Client.Logger, _context.ProviderName, _topic, _partition, end, start);
    }

    private bool HasTopicChanged() => _context.Client.Topics.TryGet(_topic) is { } topic
        && (topic.Id != _position.Life.TopicId || topic.Partitions.Length > _context.Options.PartitionsPerTopic);

    private void Pause(TimeSpan duration) => (_failedTimestamp, _pause) = (_context.Client.Time.GetTimestamp(), duration);

    private async Task StopFetchingAsync()
    {
        _pending = null;
        _incoming = null;
        if (_fetches is { } fetches)
        {
            _fetches = null;
            await fetches.DisposeAsync();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Streams '{Provider}' deliver {Topic}-{Partition} from offset {Offset}")]
    private static partial void LogStarted(ILogger logger, string provider, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Streams '{Provider}': retention was faster at {Topic}-{Partition} than reading, which goes from offset {From} on at {To}")]
    private static partial void LogGone(ILogger logger, string provider, string topic, int partition, long from, long to);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Streams '{Provider}': {Topic}-{Partition} has lost what was read of it up to offset {End}, for the topic was created anew or an "
        + "unclean election cut the log; delivery begins anew at {Start}")]
    private static partial void LogRestarted(ILogger logger, string provider, string topic, int partition, long end, long start);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Streams '{Provider}' deliver nothing of topic '{Topic}': it has {Count} partitions, and there are queues for {QueueCount}. "
        + "Raise LoireStreamOptions.PartitionsPerTopic on all silos")]
    private static partial void LogTooMany(ILogger logger, string provider, string topic, int count, int queueCount);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Streams '{Provider}': reading {Topic}-{Partition} failed and is started anew")]
    private static partial void LogFailed(ILogger logger, Exception exception, string provider, string topic, int partition);
}
