using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>Loads pages of a partition for readers that are behind, and wakes them: an agent looks at a reader again when
/// its queue yields something for the reader's stream, so a mark is yielded that is no event.</summary>
internal sealed partial class PageLoader(StreamContext context, string topic, int partition)
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

    public void Request(long offset) => _ = Background.RunAsync(() => LoadAsync(offset));

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

    private async Task LoadAsync(long offset)
    {
        LogPage page;
        for (var backoff = default(Backoff); ;)
        {
            try
            {
                page = await ReadAsync(offset);
                break;
            }
            catch (Exception exception)
            {
                LogFailed(context.Client.Logger, exception, topic, partition, offset);
                await Task.Delay(backoff.Next(), context.Client.Time);
            }
        }
        foreach (var stream in Window.AddLoaded(offset, page))
            _marks.Enqueue(context.Mark(stream, offset));
        lock (_lock)
        {
            _arrived.TrySetResult();
        }
    }

    private async Task<LogPage> ReadAsync(long offset)
    {
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
        return context.ToPage(
            topic, partition, offset, answer.NextOffset, RecordDecoder.Decode(answer.Batches, offset), answer.Batches.Length);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Reading {Topic}-{Partition} at {Offset} for a stream failed and is repeated")]
    private static partial void LogFailed(ILogger logger, Exception exception, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "A stream asks for offset {Offset} of {Topic}-{Partition}, which retention has deleted; it goes on at {LogStart}")]
    private static partial void LogGone(ILogger logger, string topic, int partition, long offset, long logStart);
}
