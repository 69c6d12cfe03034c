using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Loire.Client;
using Orleans.Streams;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

public sealed class StreamTelemetryTests
{
    private const string Topic = "observed";

    [Fact]
    public async Task Deliveries_are_counted_and_continue_the_producers_trace()
    {
        var ended = new ConcurrentQueue<Activity>();
        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == LoireClientTelemetry.Name,
            // Other tests of this process are not to be traced.
            Sample = (ref options) => options.Name.EndsWith(Topic, StringComparison.Ordinal)
                ? ActivitySamplingResult.AllDataAndRecorded
                : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.DisplayName == "process " + Topic)
                    ended.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(spans);
        var counts = new ConcurrentDictionary<string, long>();
        using var meter = ListenTo(counts);
        await using var cluster = await StreamCluster.StartAsync(configure: options =>
        {
            options.Topics.Add(Topic);
            options.OnDeliveryFailure = DeliveryFailurePolicy.Skip;
            options.DeliveryTimeout = TimeSpan.FromMilliseconds(100);
        });
        var stream = cluster.Stream(Topic, EventJournal.NewKey());
        await stream.SubscribeAsync((item, _) =>
            item == "bad" ? throw new InvalidOperationException("It is not taken.") : Task.CompletedTask);
        var traces = new List<ActivityTraceId>();
        foreach (var item in new[] { "first", "bad", "last" })
        {
            using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
            traces.Add(request.TraceId);
            await stream.OnNextAsync(item);
        }
        await Eventually.IsTrueAsync(() => ended.Count == 3);
        ended.Select(span => span.TraceId).ShouldBe(traces);
        ended.Select(span => span.Status).ShouldBe(
            [ActivityStatusCode.Unset, ActivityStatusCode.Error, ActivityStatusCode.Unset]);
        ended.ShouldAllBe(span => span.Links.Single().Context.TraceId == span.TraceId);
        counts["loire.client.delivered.events"].ShouldBe(2);
        counts["loire.client.undelivered.events"].ShouldBe(1);
    }

    private static MeterListener ListenTo(ConcurrentDictionary<string, long> counts)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == LoireClientTelemetry.Name)
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (Topic.Equals(tag.Value))
                    counts.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            }
        });
        listener.Start();
        return listener;
    }
}
