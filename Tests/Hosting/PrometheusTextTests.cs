using System.Diagnostics.Metrics;
using Loire.Hosting.Http;
using Shouldly;
using Xunit;

namespace Loire.Tests.Hosting;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Instruments_become_samples_with_the_names_Prometheus_expects()
    {
        var name = Guid.NewGuid().ToString();
        using var registry = new MetricsRegistry(name);
        using var meter = new Meter(name);
        var counter = meter.CreateCounter<long>("bytes.sent", "By", "Bytes");
        var histogram = meter.CreateHistogram(
            "took", "s", tags: null, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        meter.CreateObservableGauge("open", () => 7);
        counter.Add(1, new KeyValuePair<string, object?>("to", "a\"b"));
        counter.Add(2, new KeyValuePair<string, object?>("to", "a\"b"));
        foreach (var value in new[] { 0.25, 0.75, 5 }) histogram.Record(value);

        PrometheusText.Format(registry.Collect()).ShouldBe("""
            # HELP bytes_sent_bytes_total Bytes
            # TYPE bytes_sent_bytes_total counter
            bytes_sent_bytes_total{to="a\"b"} 3
            # TYPE open gauge
            open 7
            # TYPE took_seconds histogram
            took_seconds_bucket{le="0.5"} 1
            took_seconds_bucket{le="1"} 2
            took_seconds_bucket{le="+Inf"} 3
            took_seconds_sum 6
            took_seconds_count 3

            """);
    }
}
