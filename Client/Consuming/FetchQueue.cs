using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Threading.Channels;

namespace Loire.Client;

/// <summary>What the fetchers of a consumer read ahead, up to a budget of bytes, in the order of its arrival.</summary>
internal sealed class FetchQueue(ClientContext context, ConsumerOptions options) : IAsyncDisposable
{
    private readonly Channel<ConsumeBatch> _ready =
        Channel.CreateUnbounded<ConsumeBatch>(new UnboundedChannelOptions { SingleReader = true });
    private readonly BufferMemory _memory = new(options.PrefetchSizeBytes);
    private readonly ConcurrentDictionary<TopicPartition, PartitionFetcher> _fetchers = new();
    private readonly Lock _lock = new();
    private ConsumeBatch? _inHand;
    private TaskCompletionSource? _returned;

    public ConsumerOptions Options => options;

    public IEnumerable<PartitionFetcher> Fetchers => _fetchers.Values;

    /// <summary>Starts to read a partition that is not being read.</summary>
    /// <param name="mayVanish">Its topic's deletion is no failure: see <see cref="PartitionFetcher.IsGone"/>.</param>
    /// <param name="topicId">Of the topic that the start is meant for; empty for the one that has the name.</param>
    public void Add(PartitionStart start, bool mayVanish = false, Guid topicId = default)
    {
        var fetcher = new PartitionFetcher(context, this, start, mayVanish, topicId);
        if (_fetchers.TryAdd(fetcher.Address, fetcher))
            fetcher.Start();
    }

    /// <summary>Ends the reading of a partition; what was read ahead is dropped.</summary>
    public ValueTask RemoveAsync(PartitionFetcher fetcher)
    {
        _fetchers.TryRemove(KeyValuePair.Create(fetcher.Address, fetcher));
        return fetcher.DisposeAsync();
    }

    /// <summary>Waits until there is room.</summary>
    public async Task WriteAsync(ConsumeBatch batch, CancellationToken cancellationToken)
    {
        await _memory.TakeAsync(batch.SizeBytes, cancellationToken);
        if (!_ready.Writer.TryWrite(batch))
            _memory.Release(batch.SizeBytes);
    }

    /// <summary>Waits for the next batch. Who asks for it is done with the one before.</summary>
    /// <exception cref="Exception">Reading has failed, in the way that was told to <see cref="Fail"/>.</exception>
    public async ValueTask<ConsumeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        Return();
        while (true)
        {
            ConsumeBatch batch;
            try
            {
                batch = await _ready.Reader.ReadAsync(cancellationToken);
            }
            catch (ChannelClosedException closed) when (closed.InnerException is { } cause)
            {
                ExceptionDispatchInfo.Throw(cause);
                throw;
            }
            _memory.Release(batch.SizeBytes);
            lock (_lock)
            {
                if (batch.Source.IsStopped)
                    continue;
                _inHand = batch;
            }
            ConsumeSpan.Record(batch);
            return batch;
        }
    }

    /// <summary>Completes when the reader has no batch of a stopped partition in hand.</summary>
    public Task WhenReturnedAsync()
    {
        lock (_lock)
        {
            return _inHand is not { Source.IsStopped: true }
                ? Task.CompletedTask
                : (_returned ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Ends the reading once what is ready was read.</summary>
    public void Fail(Exception exception) => _ready.Writer.TryComplete(exception);

    public async ValueTask DisposeAsync()
    {
        _ready.Writer.TryComplete();
        foreach (var fetcher in _fetchers.Values)
            await fetcher.DisposeAsync();
        _fetchers.Clear();
    }

    private void Return()
    {
        TaskCompletionSource? returned;
        lock (_lock)
        {
            if (_inHand is { } batch)
                batch.Source.Processed = batch.NextOffset;
            _inHand = null;
            (returned, _returned) = (_returned, null);
        }
        returned?.SetResult();
    }
}
