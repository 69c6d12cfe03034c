namespace Loire.Cli.Benching;

/// <summary>Latencies of batches, for percentiles. Thread-safe.</summary>
internal sealed class LatencySample
{
    private readonly Lock _lock = new();
    private readonly List<double> _millis = [];

    public void Add(TimeSpan latency)
    {
        lock (_lock)
        {
            _millis.Add(latency.TotalMilliseconds);
        }
    }

    /// <summary>The latency in milliseconds that a fraction of the batches stays within; 0 where there are none.</summary>
    public double PercentileMs(double fraction)
    {
        lock (_lock)
        {
            if (_millis.Count == 0)
                return 0;
            _millis.Sort();
            return _millis[(int)Math.Ceiling(fraction * _millis.Count) - 1];
        }
    }
}
