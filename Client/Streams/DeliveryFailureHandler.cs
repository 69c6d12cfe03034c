using System.Globalization;
using System.Text;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;
using Microsoft.Extensions.Logging;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>What becomes of events that a consumer did not take. Trying again is the cursor's affair.</summary>
internal sealed partial class DeliveryFailureHandler(StreamContext context, LoireProducer producer, string topic, int partition)
    : IStreamFailureHandler
{
    public bool ShouldFaultSubsriptionOnError => false;

    public async Task OnDeliveryFailure(
        GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        if (sequenceToken?.SequenceNumber is not { } offset)
            return;
        LogFailed(context.Client.Logger, context.Options.OnDeliveryFailure, topic, partition, offset, streamIdentity, subscriptionId);
        if (context.Options.OnDeliveryFailure != DeliveryFailurePolicy.DeadLetter)
            return;
        try
        {
            await WriteDeadLetterAsync(offset, subscriptionId);
        }
        catch (Exception exception)
        {
            // The agent would swallow it.
            LogNotWritten(context.Client.Logger, exception, topic, partition, offset);
        }
    }

    public Task OnSubscriptionFailure(
        GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken)
    {
        LogSubscription(context.Client.Logger, streamIdentity, subscriptionId);
        return Task.CompletedTask;
    }

    private async Task WriteDeadLetterAsync(long offset, GuidId subscriptionId)
    {
        var answer = await Retry.RunAsync(
            context.Client,
            "Reading an undelivered event",
            async () =>
            {
                var read = await context.Client.Grains.Partition(topic, partition).ReadAsync(new ReadRequest(offset, 1, 0, true));
                return read.Error == 0 ? read : throw ((ErrorCode)read.Error).ToException("Reading an undelivered event");
            },
            CancellationToken.None);
        var record = RecordDecoder.Decode(answer.Batches, offset).First();
        RecordHeader[] headers =
        [
            .. record.Headers.ToArray(),
            Header("loire-dead-letter-topic", topic),
            Header("loire-dead-letter-partition", partition.ToString(CultureInfo.InvariantCulture)),
            Header("loire-dead-letter-offset", offset.ToString(CultureInfo.InvariantCulture)),
            Header("loire-dead-letter-subscription", subscriptionId.Guid.ToString("N")),
        ];
        await producer.ProduceAsync(context.Options.DeadLetterTopic!, record.Key, record.Value, headers);
    }

    private static RecordHeader Header(string name, string value) => new(name, Encoding.UTF8.GetBytes(value));

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The event at {Topic}-{Partition} offset {Offset} of stream {Stream} was not taken by subscription {Subscription}: {Policy}")]
    private static partial void LogFailed(
        ILogger logger, DeliveryFailurePolicy policy, string topic, int partition, long offset, StreamId stream, GuidId subscription);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "The event at {Topic}-{Partition} offset {Offset} could not be written to the dead-letter topic")]
    private static partial void LogNotWritten(ILogger logger, Exception exception, string topic, int partition, long offset);

    [LoggerMessage(Level = LogLevel.Error, Message = "Subscription {Subscription} of stream {Stream} could not be served")]
    private static partial void LogSubscription(ILogger logger, StreamId stream, GuidId subscription);
}
