using System.Text.Json.Serialization;
using Loire.Bench.Statistics;

namespace Loire.Bench.Load;

/// <summary>What one producer process does.</summary>
public sealed record ProduceSpec
{
    /// <summary>Bytes of a record's value; it has no key.</summary>
    public const int ValueBytes = 1024;

    public required int Port { get; init; }
    public required int BrokerProcessId { get; init; }
    public required string Topic { get; init; }
    public required int Partitions { get; init; }

    public int RecordsPerBatch { get; init; } = 63;

    /// <summary>A request carries one batch for each of several partitions up to this size, as max.request.size.</summary>
    public int MaxRequestBytes { get; init; } = 1 << 20;

    public long MaxBytesInFlight { get; init; } = 8 << 20;

    /// <summary>Null: as fast as answers come. Otherwise requests leave by the clock, whatever the answers do.</summary>
    public double? BytesPerSecond { get; init; }

    public double WarmUpSeconds { get; init; } = 2;
    public double Seconds { get; init; } = 5;

    /// <summary>Ends the load when this much was sent, before its time.</summary>
    public long MaxBytes { get; init; } = long.MaxValue;

    [JsonIgnore]
    public int BatchPayloadBytes => RecordsPerBatch * ValueBytes;

    [JsonIgnore]
    public int PartitionsPerRequest => Math.Clamp(MaxRequestBytes / BatchPayloadBytes, 1, Partitions);
}

/// <summary>Bytes are those of the records' values.</summary>
/// <param name="AllRecords">Acknowledged from the first to the last, warm-up included.</param>
/// <param name="Bytes">Acknowledged after the warm-up.</param>
/// <param name="Seconds">The time after the warm-up.</param>
/// <param name="Latency">From the moment a request was due to its answer.</param>
public sealed record ProduceResult(long AllRecords, long Bytes, double Seconds, CpuUsage Cpu, LatencySummary Latency)
{
    [JsonIgnore]
    public double MegabytesPerSecond => Bytes / 1e6 / Seconds;
}
