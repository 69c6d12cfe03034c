using System.Globalization;
using System.Text;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>What becomes of events that a consumer did not take. Trying again is the cursor's affair.</summary>
/// <param name="queue">The agent's; null where it has given it up.</param>
internal sealed partial class DeliveryFailureHandler(
    StreamContext context, LoireProducer producer, string topic, int partition, Func<PartitionQueue?> queue) : IStreamFailureHandler
{
    public bool ShouldFaultSubsriptionOnError => false;

    /// <param name="sequenceToken">Of the batch's first event: whether it failed alone, and so for good, the reader knows.</param>
    public async Task OnDeliveryFailure(
        GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        if (sequenceToken?.SequenceNumber is not { } offset || queue() is not { } reading)
            return;
        var policy = context.Options.OnDeliveryFailure;
        if (policy != DeliveryFailurePolicy.Retry && !reading.TakeGivenUp(streamIdentity, offset))
        {
            LogBatchFailed(context.Client.Logger, topic, partition, offset, streamIdentity, subscriptionId);
            return;
        }
        LogFailed(context.Client.Logger, policy, topic, partition, offset, streamIdentity, subscriptionId);
        if (policy == DeliveryFailurePolicy.DeadLetter)
            await WriteDeadLetterAsync(offset, subscriptionId, reading.Stopped);
    }

    public Task OnSubscriptionFailure(
        GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        LogSubscription(context.Client.Logger, streamIdentity, subscriptionId);
        return Task.CompletedTask;
    }

    /// <summary>Tries until it is written. The agent waits, and so the event's consumer gets nothing further meanwhile; others
    /// do.</summary>
    private async Task WriteDeadLetterAsync(long offset, GuidId subscriptionId, CancellationToken stop)
    {
        for (var backoff = default(Backoff); ;)
        {
            try
            {
                await TryWriteDeadLetterAsync(offset, subscriptionId, stop);
                return;
            }
            catch (Exception exception) when (!stop.IsCancellationRequested)
            {
                LogNotWritten(context.Client.Logger, exception, topic, partition, offset);
                await Task.Delay(backoff.Next(), context.Client.Time, stop);
            }
        }
    }

    private async Task TryWriteDeadLetterAsync(long offset, GuidId subscriptionId, CancellationToken stop)
    {
        if (await ReadAsync(offset, stop) is not { } record)
        {
            LogGone(context.Client.Logger, topic, partition, offset);
            return;
        }
        RecordHeader[] headers =
        [
            .. record.Headers.ToArray(),
            Header("loire-dead-letter-topic", topic),
            Header("loire-dead-letter-partition", partition.ToString(CultureInfo.InvariantCulture)),
            Header("loire-dead-letter-offset", offset.ToString(CultureInfo.InvariantCulture)),
            Header("loire-dead-letter-subscription", subscriptionId.Guid.ToString("N")),
        ];
        await producer.ProduceAsync(context.Options.DeadLetterTopic!, record.Key, record.Value, headers, cancellationToken: stop);
    }

    /// <returns>Null where the log no longer has it.</returns>
    private async Task<ConsumeRecord?> ReadAsync(long offset, CancellationToken stop)
    {
        var answer = await context.Client.Grains.Partition(topic, partition)
            .ReadAsync(new ReadRequest(offset, MaxBytes: 1, MaxWaitMs: 0, IsCommittedOnly: true)).WaitAsync(stop);
        if (answer.Error == (short)ErrorCode.OffsetOutOfRange)
            return null;
        if (answer.Error != 0)
            throw ((ErrorCode)answer.Error).ToException("Reading an undelivered event");
        return RecordDecoder.Decode(answer.Batches, offset, out _) is [var first, ..] && first.Offset == offset ? first : null;
    }

    private static RecordHeader Header(string name, string value) => new(name, Encoding.UTF8.GetBytes(value));

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The event at {Topic}-{Partition} offset {Offset} of stream {Stream} was not taken by subscription {Subscription}: {Policy}")]
    private static partial void LogFailed(
        ILogger logger, DeliveryFailurePolicy policy, string topic, int partition, long offset, StreamId stream, GuidId subscription);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "A batch of stream {Stream} from {Topic}-{Partition} offset {Offset} on was not taken by subscription {Subscription}: its events "
        + "are delivered one by one")]
    private static partial void LogBatchFailed(
        ILogger logger, string topic, int partition, long offset, StreamId stream, GuidId subscription);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The event at {Topic}-{Partition} offset {Offset} is no longer in the log, and cannot be written to the dead-letter topic")]
    private static partial void LogGone(ILogger logger, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The event at {Topic}-{Partition} offset {Offset} could not be written to the dead-letter topic; that is repeated, and its "
        + "consumer waits")]
    private static partial void LogNotWritten(ILogger logger, Exception exception, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Error, Message = "Subscription {Subscription} of stream {Stream} could not be served")]
    private static partial void LogSubscription(ILogger logger, StreamId stream, GuidId subscription);
}
