using System.Diagnostics.Metrics;

namespace Loire.Broker.Gateway;

/// <summary>What the gateway counts, on the meter "Loire".</summary>
internal sealed class GatewayMetrics
{
    private static readonly InstrumentAdvice<double> LatencyBuckets = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private readonly UpDownCounter<int> _connections;
    private readonly Counter<long> _closed;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _received;
    private readonly Counter<long> _sent;

    public GatewayMetrics(Meter meter, MemoryBudget budget)
    {
        _connections = meter.CreateUpDownCounter<int>("loire.connections", "{connection}", "Connections of clients that are open");
        _closed = meter.CreateCounter<long>("loire.connections.closed", "{connection}", "Connections that the broker closed, by reason");
        _duration = meter.CreateHistogram(
            "loire.request.duration", "s", "From the arrival of a request to its answer, by API", tags: null, advice: LatencyBuckets);
        _received = meter.CreateCounter<long>("loire.network.received", "By", "Bytes of requests");
        _sent = meter.CreateCounter<long>("loire.network.sent", "By", "Bytes of answers");
        meter.CreateObservableGauge(
            "loire.request.memory", () => budget.UsedBytes, "By", "Bytes held of requests that are not handled yet");
    }

    public void Opened() => _connections.Add(1);

    public void Ended() => _connections.Add(-1);

    public void Closed(CloseReason reason) => _closed.Add(1, new KeyValuePair<string, object?>("reason", ReasonNames[(int)reason]));

    public void Received(int sizeBytes) => _received.Add(sizeBytes);

    public void Sent(int sizeBytes) => _sent.Add(sizeBytes);

    public void Answered(string api, TimeSpan elapsed) =>
        _duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("api", api));

    private static readonly string[] ReasonNames = Enum.GetNames<CloseReason>();
}
