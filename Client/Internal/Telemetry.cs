using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Loire.Client;

/// <summary>The client's spans and metrics, under the names of OpenTelemetry's conventions for messaging.</summary>
public static class LoireClientTelemetry
{
    /// <summary>Name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "Loire.Client";

    internal static readonly ActivitySource Source = new(Name);

    private static readonly Meter Meter = new(Name);

    internal static readonly Counter<long> SentRecords = Meter.CreateCounter<long>(
        "messaging.client.sent.messages", "{message}", "Records that were acknowledged");

    internal static readonly Counter<long> FailedRecords = Meter.CreateCounter<long>(
        "loire.client.failed.messages", "{message}", "Records that were given up");

    internal static readonly Counter<long> RepeatedSends = Meter.CreateCounter<long>(
        "loire.client.repeated.batches", "{batch}", "Batches that were sent again");

    internal static readonly Histogram<double> SendDuration = Meter.CreateHistogram<double>(
        "messaging.client.operation.duration", "s", "From a batch's first record to its acknowledgement");

    internal static readonly Counter<long> ConsumedRecords = Meter.CreateCounter<long>(
        "messaging.client.consumed.messages", "{message}", "Records that were handed out");

    internal static readonly Counter<long> Rebalances = Meter.CreateCounter<long>(
        "loire.client.rebalances", "{rebalance}", "Rebalances that a group's member took part in");

    internal static readonly Counter<long> DeliveredEvents = Meter.CreateCounter<long>(
        "loire.client.delivered.events", "{event}", "Events of streams that a consumer has taken");

    internal static readonly Counter<long> UndeliveredEvents = Meter.CreateCounter<long>(
        "loire.client.undelivered.events", "{event}", "Events of streams that a consumer did not take within the delivery timeout");

    internal static KeyValuePair<string, object?> Topic(string topic) => new("messaging.destination.name", topic);

    internal static KeyValuePair<string, object?> Group(string groupId) => new("messaging.consumer.group.name", groupId);
}
