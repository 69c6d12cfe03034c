using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

public sealed class TelemetryTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_trace_of_the_producer_reaches_the_consumer()
    {
        const string topic = "traced";
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == LoireClientTelemetry.Name,
            // Other tests of this process are not to be traced.
            Sample = (ref options) => options.Name.EndsWith(topic, StringComparison.Ordinal)
                ? ActivitySamplingResult.AllDataAndRecorded
                : ActivitySamplingResult.None,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        var loire = new FakeLoire();
        loire.AddTopic(topic, 1);
        var client = loire.CreateClient();
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        await using (var producer = client.CreateProducer())
        {
            await producer.ProduceAsync(topic, default(byte[]), [1], cancellationToken: Cancelled);
            Activity.Current.ShouldBe(request);
        }
        var sent = ended.Single(span => span.DisplayName == "send " + topic);
        sent.TraceId.ShouldBe(request.TraceId);
        sent.ParentSpanId.ShouldBe(request.SpanId);
        sent.GetTagItem("messaging.kafka.offset").ShouldBe(0L);
        await foreach (var batch in client.CreateConsumer(topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            batch[0].TryGetTraceContext(out var context).ShouldBeTrue();
            context.SpanId.ShouldBe(sent.SpanId);
            break;
        }
        var received = ended.Single(span => span.DisplayName == "receive " + topic);
        received.Links.ShouldHaveSingleItem().Context.SpanId.ShouldBe(sent.SpanId);
    }

    [Fact]
    public async Task Records_and_repetitions_are_counted_by_topic()
    {
        const string topic = "counted";
        var counts = new ConcurrentDictionary<string, long>();
        using var listener = Count(topic, counts);
        var loire = new FakeLoire();
        loire.AddTopic(topic, 1);
        loire.Partition(topic, 0).OnNextAppend(_ => Task.FromResult(FakePartition.Refusal(ErrorCode.NotLeaderOrFollower)));
        await using var producer = loire.CreateClient().CreateProducer();
        for (var i = 0; i < 3; i++)
            await producer.ProduceAsync(topic, default(byte[]), [1], cancellationToken: Cancelled);
        counts["messaging.client.sent.messages"].ShouldBe(3);
        counts["loire.client.repeated.batches"].ShouldBe(1);
    }

    [Fact]
    public async Task Records_that_nobody_acknowledges_are_counted_where_they_are_lost()
    {
        const string topic = "lost";
        var counts = new ConcurrentDictionary<string, long>();
        using var listener = Count(topic, counts);
        var loire = new FakeLoire();
        loire.AddTopic(topic, 1);
        var partition = loire.Partition(topic, 0);
        partition.OnNextAppend(_ => Task.FromResult(FakePartition.Refusal(ErrorCode.NotLeaderOrFollower)));
        partition.OnNextAppend(_ => throw new NotSupportedException("it cannot even be sent"));
        var options = new ProducerOptions { Acks = Acks.None, IsIdempotent = false };
        await using var producer = loire.CreateClient().CreateProducer(options);
        for (var i = 1; i <= 3; i++)
        {
            await producer.ProduceAsync(topic, default(byte[]), [1], cancellationToken: Cancelled);
            await Eventually.IsTrueAsync(() => counts.Values.Sum() == i);
        }

        counts["loire.client.failed.messages"].ShouldBe(2);
        counts["messaging.client.sent.messages"].ShouldBe(1);
        partition.Appends.ShouldBe(3);
        partition.End.ShouldBe(1);
    }

    /// <summary>Adds up what the counters say of a topic.</summary>
    private static MeterListener Count(string topic, ConcurrentDictionary<string, long> counts)
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
                if (topic.Equals(tag.Value))
                    counts.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            }
        });
        listener.Start();
        return listener;
    }
}
