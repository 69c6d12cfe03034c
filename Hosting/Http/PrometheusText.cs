using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Loire.Hosting.Http;

/// <summary>Prometheus' text format, version 0.0.4, with names as OpenTelemetry maps them.</summary>
public static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Format(IReadOnlyList<InstrumentSeries> instruments)
    {
        var text = new StringBuilder();
        foreach (var group in instruments.GroupBy(series => NameOf(series.Instrument), StringComparer.Ordinal))
        {
            var instrument = group.First().Instrument;
            if (instrument.Description is { Length: > 0 } help)
                text.Append(CultureInfo.InvariantCulture, $"# HELP {group.Key} {Escape(help)}\n");
            text.Append(CultureInfo.InvariantCulture, $"# TYPE {group.Key} {TypeOf(instrument)}\n");
            foreach (var series in group) series.Read((tags, values) => Append(text, group.Key, tags, values));
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, string name, KeyValuePair<string, object?>[] tags, Series series)
    {
        if (series.Bounds.Count == 0)
        {
            AppendSample(text, name, tags, null, series.Sum);
            return;
        }

        for (var i = 0; i < series.Bounds.Count; i++)
            AppendSample(text, name + "_bucket", tags, Number(series.Bounds[i]), series.CumulativeCounts[i]);
        AppendSample(text, name + "_bucket", tags, "+Inf", series.Count);
        AppendSample(text, name + "_sum", tags, null, series.Sum);
        AppendSample(text, name + "_count", tags, null, series.Count);
    }

    private static void AppendSample(
        StringBuilder text, string name, KeyValuePair<string, object?>[] tags, string? upperBound, double value)
    {
        var labels = tags.Select(tag => $"{Clean(tag.Key)}=\"{Escape(tag.Value?.ToString() ?? "")}\"");
        if (upperBound is not null) labels = labels.Append($"le=\"{upperBound}\"");
        var list = string.Join(',', labels);
        text.Append(name);
        if (list.Length > 0) text.Append('{').Append(list).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string NameOf(Instrument instrument)
    {
        var unit = instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        return Clean(instrument.Name) + unit + (TypeOf(instrument) == "counter" ? "_total" : "");
    }

    private static string TypeOf(Instrument instrument)
    {
        var kind = instrument.GetType().Name;
        if (kind.StartsWith("Counter", StringComparison.Ordinal)) return "counter";
        if (kind.StartsWith("ObservableCounter", StringComparison.Ordinal)) return "counter";
        return kind.StartsWith("Histogram", StringComparison.Ordinal) ? "histogram" : "gauge";
    }

    private static string Clean(string name) =>
        string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
