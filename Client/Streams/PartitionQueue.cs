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

    private readonly StreamContext _context;
    private readonly string _topic;
    private readonly int _partition;
    private readonly LogWindow _window;
    private readonly PageLoader _loader;
    private readonly PositionKeeper _position;
    private FetchQueue? _fetches;
    private Task<ConsumeBatch>? _pending;
    private LogPage? _incoming;

    public PartitionQueue(StreamContext context, string topic, int partition)
    {
        _context = context;
        _topic = topic;
        _partition = partition;
        _loader = new PageLoader(context, topic, partition);
        _window = new LogWindow(context.Options.CacheSizeBytes, _loader.Request);
        _loader.Window = _window;
        _position = new PositionKeeper(context, topic, partition);
    }

    /// <summary>Starting is left to the first read, which repeats it until it succeeds.</summary>
    public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

    public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) =>
        GetQueueMessagesAsync(maxCount, CancellationToken.None);

    public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount, CancellationToken cancellationToken)
    {
        try
        {
            _fetches ??= await StartAsync(cancellationToken);
            await _position.KeepAsync(_window.DeliveredUpTo, cancellationToken);
            _pending ??= _fetches.ReadAsync(CancellationToken.None).AsTask();
            await Task.WhenAny(_pending, _loader.Arrived, Task.Delay(LongestWait, _context.Client.Time, cancellationToken));
            var messages = _loader.TakeArrived();
            if (_pending.IsCompleted)
            {
                var pending = _pending;
                _pending = null;
                var batch = await pending;
                _incoming = _context.ToPage(_topic, _partition, _window.End, batch.NextOffset, batch, batch.SizeBytes);
                messages.AddRange(_incoming.Records);
            }
            return messages;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogFailed(_context.Client.Logger, exception, _context.ProviderName, _topic, _partition);
            await StopFetchingAsync();
            return [];
        }
    }

    public void AddToCache(IList<IBatchContainer> messages)
    {
        if (_incoming is { } page)
            _window.Append(page);
        _incoming = null;
    }

    public int GetMaxAddCount() => MaxAddCount;

    public bool IsUnderPressure() => _window.IsUnderPressure;

    public IQueueCacheCursor GetCacheCursor(StreamId streamId, StreamSequenceToken? token) =>
        _window.Open(streamId, token?.SequenceNumber, _context.Options.BatchSize, _context.Options.OnDeliveryFailure);

    /// <summary>The window makes room by itself.</summary>
    public bool TryPurgeFromCache([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out IList<IBatchContainer> purgedItems)
    {
        purgedItems = null;
        return false;
    }

    public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

    public async Task Shutdown(TimeSpan timeout)
    {
        await StopFetchingAsync();
        using var limit = new CancellationTokenSource(timeout);
        await _position.KeepNowAsync(_window.DeliveredUpTo, limit.Token);
    }

    private async Task<FetchQueue> StartAsync(CancellationToken cancellationToken)
    {
        // After a failure reading goes on behind what the agent has.
        var from = _position.IsKnown ? _window.End : await _position.FindAsync(cancellationToken);
        _window.StartAt(from);
        LogStarted(_context.Client.Logger, _context.ProviderName, _topic, _partition, from);
        var fetches = new FetchQueue(_context.Client, new ConsumerOptions
        {
            FetchSizeBytes = _context.Options.FetchSizeBytes,
            PrefetchSizeBytes = _context.Options.FetchSizeBytes,
        });
        fetches.Add(new PartitionStart(_topic, _partition, StartPosition.At(from)));
        return fetches;
    }

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
        "Streams '{Provider}': reading {Topic}-{Partition} failed and is started anew")]
    private static partial void LogFailed(ILogger logger, Exception exception, string provider, string topic, int partition);
}
