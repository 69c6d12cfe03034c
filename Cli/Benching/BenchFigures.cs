using Loire.Cli.Shared;

namespace Loire.Cli.Benching;

/// <summary>What a load run came to.</summary>
internal sealed record BenchFigures(long Records, long Bytes, double Seconds)
{
    public double MegabytesPerSecond => Bytes / Seconds / 1e6;
    public double RecordsPerSecond => Records / Seconds;

    /// <summary>Per batch; null where not measured.</summary>
    public double? LatencyP50Ms { get; init; }
    public double? LatencyP99Ms { get; init; }

    public void Print(Output output)
    {
        (string Name, string Value)[] rows =
        [
            ("Records", $"{Records:N0}"),
            ("Bytes of records", $"{Bytes:N0}"),
            ("Seconds", $"{Seconds:0.00}"),
            ("MB/s", $"{MegabytesPerSecond:0.0}"),
            ("Records/s", $"{RecordsPerSecond:N0}"),
            ("Batch latency p50", LatencyP50Ms is { } p50 ? $"{p50:0.0} ms" : ""),
            ("Batch latency p99", LatencyP99Ms is { } p99 ? $"{p99:0.0} ms" : ""),
        ];
        if (output.IsJson)
            output.Json(this);
        else
            output.Rows(rows.Where(row => row.Value.Length > 0).ToList(), ("Figure", row => row.Name), ("Value", row => row.Value));
    }
}
