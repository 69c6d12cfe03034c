using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;

namespace Loire.Hosting.Http;

/// <summary>Adds up what some meters measure. A measurement whose tags were seen before allocates nothing.</summary>
public sealed class MetricsRegistry : IDisposable
{
    private readonly ConcurrentDictionary<Instrument, InstrumentSeries> _instruments = [];
    private readonly MeterListener _listener;

    public MetricsRegistry(params string[] meters)
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (!meters.Contains(instrument.Meter.Name, StringComparer.Ordinal)) return;
                listener.EnableMeasurementEvents(instrument, _instruments.GetOrAdd(instrument, created => new InstrumentSeries(created)));
            },
            MeasurementsCompleted = (instrument, _) => _instruments.TryRemove(instrument, out var _),
        };
        _listener.SetMeasurementEventCallback<int>((_, value, tags, state) => ((InstrumentSeries)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => ((InstrumentSeries)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => ((InstrumentSeries)state!).Record(value, tags));
        _listener.Start();
    }

    /// <summary>Every instrument with its series as they are now, by name.</summary>
    public IReadOnlyList<InstrumentSeries> Collect()
    {
        _listener.RecordObservableInstruments();
        return [.. _instruments.Values.OrderBy(series => series.Instrument.Name, StringComparer.Ordinal)];
    }

    public void Dispose() => _listener.Dispose();
}

/// <summary>One instrument's series, by their tags.</summary>
public sealed class InstrumentSeries(Instrument instrument)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<KeyValuePair<string, object?>[], Series> _series = new(new TagComparer());
    private readonly IReadOnlyList<double>? _bounds = (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries;

    public Instrument Instrument => instrument;

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
        {
            var lookup = _series.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
            if (!lookup.TryGetValue(tags, out var series))
            {
                series = new Series(_bounds);
                lookup[tags] = series;
            }

            series.Record(value, isTotal: instrument.IsObservable);
        }
    }

    public void Read(Action<KeyValuePair<string, object?>[], Series> read)
    {
        lock (_lock)
        {
            foreach (var (tags, series) in _series) read(tags, series);
        }
    }

    private sealed class TagComparer : IEqualityComparer<KeyValuePair<string, object?>[]>,
        IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, KeyValuePair<string, object?>[]>
    {
        public bool Equals(KeyValuePair<string, object?>[]? a, KeyValuePair<string, object?>[]? b) => a.AsSpan().SequenceEqual(b);

        public int GetHashCode([DisallowNull] KeyValuePair<string, object?>[] tags) => GetHashCode(tags.AsSpan());

        public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> a, KeyValuePair<string, object?>[] b) => a.SequenceEqual(b);

        public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var hash = default(HashCode);
            foreach (var (name, value) in tags)
            {
                hash.Add(name);
                hash.Add(value);
            }

            return hash.ToHashCode();
        }

        public KeyValuePair<string, object?>[] Create(ReadOnlySpan<KeyValuePair<string, object?>> tags) => tags.ToArray();
    }
}

/// <summary>What was measured under one set of tags.</summary>
/// <param name="bounds">Upper bounds of a histogram's buckets; null where it is none.</param>
public sealed class Series(IReadOnlyList<double>? bounds)
{
    private readonly long[] _counts = new long[bounds?.Count ?? 0];

    public double Sum { get; private set; }
    public long Count { get; private set; }
    public IReadOnlyList<double> Bounds => bounds ?? [];

    /// <summary>Measurements at or below each bound.</summary>
    public IReadOnlyList<long> CumulativeCounts => _counts;

    /// <param name="isTotal">The value is the sum so far, not an addition to it.</param>
    public void Record(double value, bool isTotal)
    {
        Sum = isTotal ? value : Sum + value;
        Count++;
        for (var i = _counts.Length - 1; i >= 0 && value <= bounds![i]; i--) _counts[i]++;
    }
}
