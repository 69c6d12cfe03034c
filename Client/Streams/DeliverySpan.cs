using System.Diagnostics;

namespace Loire.Client;

/// <summary>The span of a batch on its way to a consumer, from when the agent takes it to when it moves on. It is the agent's
/// current one meanwhile: a silo that propagates activities hands it on to the consumer's grain.</summary>
internal static class DeliverySpan
{
    private const int LinksMax = 128;

    /// <param name="isAlone">No other event comes with it: its producer's trace goes on here.</param>
    /// <returns>Null where nobody listens.</returns>
    public static Activity? Start(string topic, StreamRecord first, bool isAlone)
    {
        if (!LoireClientTelemetry.Source.HasListeners())
            return null;
        var span = LoireClientTelemetry.Source.StartActivity(
            $"process {topic}", ActivityKind.Consumer, isAlone ? first.Trace : default);
        span?.SetTag("messaging.system", "kafka");
        span?.SetTag("messaging.operation.name", "process");
        span?.SetTag("messaging.destination.name", topic);
        span?.SetTag("messaging.kafka.offset", first.Offset);
        return span;
    }

    public static void Link(Activity span, StreamRecord record)
    {
        if (record.Trace != default && span.Links.Count() < LinksMax)
            span.AddLink(new ActivityLink(record.Trace));
    }

    public static void End(Activity? span, int count, bool isFailed)
    {
        span?.SetTag("messaging.batch.message_count", count);
        if (isFailed)
            span?.SetStatus(ActivityStatusCode.Error, "the consumer did not take it");
        span?.Dispose();
    }
}
