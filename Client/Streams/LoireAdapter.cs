using Loire.Protocol.Records;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>Writes the events of streams: each a record, keyed by its stream.</summary>
internal sealed class LoireAdapter(
    StreamContext context, LoireProducer producer, StreamProviderDirection direction, Func<QueueId, PartitionQueue> find)
    : IQueueAdapter
{
    private readonly IStreamRecordFormat _format = StreamRecordFormats.Find(context.Services, context.ProviderName);

    public string Name => context.ProviderName;

    public bool IsRewindable => true;

    public StreamProviderDirection Direction => direction;

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => find(queueId);

    /// <param name="token">Not for the caller to choose.</param>
    public async Task QueueMessageBatchAsync<T>(
        StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext)
    {
        if (token is not null)
            throw new ArgumentException("Sequence tokens are offsets, which the log gives: produce without one.", nameof(token));
        var topic = StreamAddress.TopicOf(streamId);
        ReadOnlyMemory<RecordHeader> headers = requestContext is { Count: > 0 }
            ? new[]
            {
                new RecordHeader(
                    StreamRecord.RequestContextHeader,
                    context.Services.GetRequiredService<Serializer>().SerializeToArray(requestContext)),
            }
            : default;
        await context.FindTopicAsync(topic, CancellationToken.None);
        await Task.WhenAll(events.Select(item =>
            producer.ProduceAsync(topic, streamId.Key, _format.Write(item), headers).AsTask()));
    }
}
