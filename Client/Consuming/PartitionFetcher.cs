using System.Globalization;
using Loire.Grains.Interfaces;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Reads one partition from its leader, on and on, into the queue.</summary>
/// <param name="mayVanish">Its topic's deletion ends the reading of this partition alone, also where another topic has the
/// name by then.</param>
/// <param name="topicId">Of the topic that the start is meant for; empty for the one that is read first.</param>
internal sealed partial class PartitionFetcher(
    ClientContext context, FetchQueue queue, PartitionStart start, bool mayVanish, Guid topicId) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private long _processed = -1;
    private volatile bool _isStopped;
    private volatile bool _isReleased;
    private volatile bool _isGone;
    private volatile bool _isReplaced;

    public string Topic => start.Topic;
    public int Partition => start.Partition;
    public TopicPartition Address => new(Topic, Partition);

    /// <summary>Its records are no longer wanted.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>It is no longer its consumer's: in a group it may be another's.</summary>
    public bool IsReleased => _isReleased;

    /// <summary>There is no such partition any more.</summary>
    public bool IsGone => _isGone;

    /// <summary>It is gone, and another topic has its name.</summary>
    public bool IsReplaced => _isReplaced;

    /// <summary>Of the topic that its records are of, where its topic may vanish; empty before the leader has told.</summary>
    public Guid TopicId { get; private set; } = topicId;

    /// <summary>Behind the last record that the reader is done with; -1 where it is done with none.</summary>
    public long Processed
    {
        get => Interlocked.Read(ref _processed);
        set => Interlocked.Exchange(ref _processed, value);
    }

    /// <summary>What of it is committed.</summary>
    public long Committed { get; set; } = -1;

    private string Place => string.Create(CultureInfo.InvariantCulture, $"Reading {Topic}-{Partition}");

    /// <summary>For a group: none of a later topic of the same name.</summary>
    public GroupOffset OffsetToCommit(long offset) => new(Topic, Partition, offset, -1, "", TopicId);

    public void Start() => _running = Background.RunAsync(RunAsync);

    /// <summary>What it has read and nobody has in hand is dropped.</summary>
    public void Stop() => _isStopped = true;

    public async ValueTask DisposeAsync()
    {
        Stop();
        _isReleased = true;
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            long? position = null;
            for (var backoff = default(Backoff); ;)
            {
                try
                {
                    position ??= await LocateAsync(start.Start);
                    if (await ReadOnAsync(position.Value) is not { } next)
                    {
                        _isReplaced = _isGone = true;
                        LogGone(context.Logger, Topic, Partition);
                        return;
                    }
                    position = next;
                    backoff.Reset();
                }
                catch (Exception exception) when (Failures.MayPass(exception))
                {
                    LogRepeated(context.Logger, Topic, Partition, exception.Message);
                    await Task.Delay(backoff.Next(), context.Time, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogStopped(context.Logger, Topic, Partition);
        }
        catch (LoireException exception) when (mayVanish && exception.Error == (short)ErrorCode.UnknownTopicOrPartition)
        {
            _isGone = true;
            LogGone(context.Logger, Topic, Partition);
        }
        catch (Exception exception)
        {
            queue.Fail(exception);
        }
    }

    /// <returns>Where to go on; null where another topic is there.</returns>
    private async Task<long?> ReadOnAsync(long position)
    {
        var options = queue.Options;
        var request = new ReadRequest(
            position, options.FetchSizeBytes, (int)options.FetchWait.TotalMilliseconds, options.IsReadCommitted);
        var answer = await LeaderCall
            .RunAsync(context, Topic, Partition, usual: options.FetchWait, leader => leader.ReadAsync(request))
            .WaitAsync(_stop.Token);
        if (mayVanish && answer.TopicId != Guid.Empty)
        {
            if (TopicId == Guid.Empty)
                TopicId = answer.TopicId;
            if (TopicId != answer.TopicId)
                return null;
        }
        switch ((ErrorCode)answer.Error)
        {
            case ErrorCode.None:
                var records = Decode(answer, position, out var sizeBytes);
                var next = Math.Max(position, answer.NextOffset);
                if (records.Count > 0)
                {
                    var batch = new ConsumeBatch(this, records, next, answer.HighWatermark, sizeBytes);
                    await queue.WriteAsync(batch, _stop.Token);
                }
                return next;
            case ErrorCode.OffsetOutOfRange:
                return await ResetAsync(position);
            case ErrorCode.UnknownTopicOrPartition:
                // A silo may not have heard yet of a topic that its controller has just made.
                throw await context.Topics.RefreshAsync(Topic, _stop.Token) is null
                    ? Failures.UnknownTopic(Topic)
                    : ErrorCode.LeaderNotAvailable.ToException(Place);
            case var error:
                throw error.ToException(Place);
        }
    }

    private List<ConsumeRecord> Decode(ReadAnswer answer, long position, out int sizeBytes)
    {
        try
        {
            return RecordDecoder.Decode(answer.Batches, position, out sizeBytes);
        }
        catch (Exception exception) when (exception is RecordsException or CompressionException)
        {
            throw ErrorCode.CorruptMessage.ToException(Place, exception.Message);
        }
    }

    private async Task<long> ResetAsync(long position)
    {
        if (queue.Options.OffsetReset == OffsetReset.Fail)
        {
            throw ErrorCode.OffsetOutOfRange.ToException(
                Place, string.Create(CultureInfo.InvariantCulture, $"offset {position} lies outside the log"));
        }
        var to = await LocateAsync(
            queue.Options.OffsetReset == OffsetReset.Latest ? StartPosition.End : StartPosition.Beginning);
        LogReset(context.Logger, Topic, Partition, position, to);
        return to;
    }

    private Task<long> LocateAsync(StartPosition wanted) =>
        PartitionQueries.LocateAsync(context, Topic, Partition, wanted, queue.Options.IsReadCommitted, _stop.Token);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Reading of {Topic}-{Partition} ends")]
    private static partial void LogStopped(ILogger logger, string topic, int partition);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Reading of {Topic}-{Partition} ends: the topic was deleted")]
    private static partial void LogGone(ILogger logger, string topic, int partition);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Reading {Topic}-{Partition} failed and is repeated: {Reason}")]
    private static partial void LogRepeated(ILogger logger, string topic, int partition, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Reading {Topic}-{Partition}: offset {From} lies outside the log; going on at {To}")]
    private static partial void LogReset(ILogger logger, string topic, int partition, long from, long to);
}
