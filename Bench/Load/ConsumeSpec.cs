using System.Text.Json.Serialization;
using Loire.Bench.Statistics;

namespace Loire.Bench.Load;

/// <summary>What one consumer process does.</summary>
public sealed record ConsumeSpec
{
    public required int Port { get; init; }
    public required int BrokerProcessId { get; init; }
    public required string Topic { get; init; }
    public required int Partitions { get; init; }

    /// <summary>How many records the topic holds, all of which are read. Null: what arrives from now on, until nothing has
    /// for a second.</summary>
    public long? Records { get; init; }

    /// <summary>How often the topic is read from its start.</summary>
    public int Rounds { get; init; } = 1;
}

/// <param name="Seconds">At the tail: from the first records to the last.</param>
public sealed record ConsumeResult(long Records, double Seconds, CpuUsage Cpu)
{
    /// <summary>Of record values, as a producer's.</summary>
    [JsonIgnore]
    public double MegabytesPerSecond => Records * (double)ProduceSpec.ValueBytes / 1e6 / Seconds;
}
