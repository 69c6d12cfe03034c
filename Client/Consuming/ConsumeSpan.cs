using System.Diagnostics;

namespace Loire.Client;

/// <summary>Notes that a batch is handed out: its count, and a span that is linked to those of its producers.</summary>
internal static class ConsumeSpan
{
    private const int LinksMax = 128;

    public static void Record(ConsumeBatch batch)
    {
        LoireClientTelemetry.ConsumedRecords.Add(batch.Count, LoireClientTelemetry.Topic(batch.Topic));
        if (!LoireClientTelemetry.Source.HasListeners())
            return;
        var links = new HashSet<ActivityContext>();
        foreach (var record in batch)
        {
            if (links.Count < LinksMax && record.TryGetTraceContext(out var context))
                links.Add(context);
        }
        using var span = LoireClientTelemetry.Source.StartActivity(
            ActivityKind.Consumer, name: $"receive {batch.Topic}", links: links.Select(context => new ActivityLink(context)));
        span?.SetTag("messaging.system", "kafka");
        span?.SetTag("messaging.operation.name", "receive");
        span?.SetTag("messaging.destination.name", batch.Topic);
        span?.SetTag("messaging.destination.partition.id", batch.Partition);
        span?.SetTag("messaging.kafka.offset", batch[0].Offset);
        span?.SetTag("messaging.batch.message_count", batch.Count);
    }
}
