using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>Loads pages of a partition for readers that are behind, and wakes them: an agent looks at a reader again when
/// its queue yields something for the reader's stream, so a mark is yielded that is no event.</summary>
/// <param name="stop">Ends the loading: the queue is another's.</param>
internal sealed partial class PageLoader(StreamContext context, string topic, int partition, CancellationToken stop)
{
    private readonly ConcurrentQueue<StreamRecord> _marks = new();
    private readonly Lock _lock = new();
    private TaskCompletionSource _arrived = NewSignal();

    /// <summary>Where pages go; set before anything is asked for.</summary>
    public LogWindow Window { get; set; } = null!;

    /// <summary>Completes when there are marks to take.</summary>
    public Task Arrived
    {
        get
        {
            lock (_lock)
            {
                return _arrived.Task;
            }
        }
    }

    public void Request(PageRequest request) => _ = Background.RunAsync(() => LoadAsync(request));

    public List<IBatchContainer> TakeArrived()
    {
        lock (_lock)
        {
            if (_arrived.Task.IsCompleted)
                _arrived = NewSignal();
        }
        var marks = new List<IBatchContainer>();
        while (_marks.TryDequeue(out var mark))
            marks.Add(mark);
        return marks;
    }

    /// <summary>Until the page is there, or nobody waits for it any more.</summary>
    public async Task LoadAsync(PageRequest request)
    {
        LogPage page;
        for (var backoff = default(Backoff); ;)
        {
            // Once the log has begun anew nobody can answer any more.
            if (stop.IsCancellationRequested || !Window.IsWanted(request))
                return;
            try
            {
                page = await ReadAsync(request).WaitAsync(stop);
                break;
            }
            catch (Exception exception) when (!stop.IsCancellationRequested)
            {
                LogFailed(context.Client.Logger, exception, topic, partition, request.Offset);
                await Task.Delay(backoff.Next(), context.Client.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        foreach (var stream in Window.AddLoaded(request, page))
            _marks.Enqueue(context.Mark(stream, request.Offset, request.LifeMark));
        lock (_lock)
        {
            _arrived.TrySetResult();
        }
    }

    private async Task<LogPage> ReadAsync(PageRequest request)
    {
        var offset = request.Offset;
        var answer = await context.Client.Grains.Partition(topic, partition)
            .ReadAsync(new ReadRequest(offset, context.Options.FetchSizeBytes, MaxWaitMs: 0, IsCommittedOnly: true));
        var error = (ErrorCode)answer.Error;
        if (error == ErrorCode.OffsetOutOfRange && offset < answer.LogStartOffset)
        {
            LogGone(context.Client.Logger, topic, partition, offset, answer.LogStartOffset);
            return new LogPage(offset, answer.LogStartOffset, [], 0);
        }
        if (error != ErrorCode.None)
            throw error.ToException("Reading for a stream");
        if (answer.NextOffset <= offset)
            throw ErrorCode.OffsetNotAvailable.ToException("Reading for a stream", "nothing was read");
        var records = RecordDecoder.Decode(answer.Batches, offset, out var sizeBytes);
        return context.ToPage(topic, partition, request.LifeMark, offset, answer.NextOffset, records, sizeBytes);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Reading {Topic}-{Partition} at {Offset} for a stream failed and is repeated")]
    private static partial void LogFailed(ILogger logger, Exception exception, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "A stream asks for offset {Offset} of {Topic}-{Partition}, which retention has deleted; it goes on at {LogStart}")]
    private static partial void LogGone(ILogger logger, string topic, int partition, long offset, long logStart);
}
