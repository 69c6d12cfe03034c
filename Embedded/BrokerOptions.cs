using System.Globalization;
using Loire.Broker.Gateway;

namespace Loire.Embedded;

/// <summary>What a broker is told when it starts. Everything that Kafka has a name for is under
/// <see cref="Kafka"/>.</summary>
public sealed record BrokerOptions
{
    /// <summary>Where topics and records are kept; created where there is none.</summary>
    public string DataDirectory { get; init; } = "data";

    /// <summary>Where clients are listened for; port 0 takes a free one.</summary>
    public HostPort Listen { get; init; } = new("localhost", 9092);

    /// <summary>What clients are told to connect to; null for <see cref="Listen"/>.</summary>
    public HostPort? Advertise { get; init; }

    /// <summary>The broker's id. A data directory belongs to one id.</summary>
    public int NodeId { get; init; } = 1;

    /// <summary>What clients are told as this broker's rack; null for none.</summary>
    public string? Rack { get; init; }

    /// <summary>Broker configs by Kafka's names, for example num.partitions.</summary>
    public IReadOnlyDictionary<string, string> Kafka { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The largest record batch the journal takes: larger values of max.message.bytes are refused. A page of the
    /// journal holds one, and what is written at a time is up to a page: with this default 4 MB. Raise it for larger records,
    /// at any start.</summary>
    public int BatchBytesMax { get; init; } = 4_000_000;

    /// <summary>Size of a journal file of a new data directory, a power of two.</summary>
    public int JournalSegmentBytes { get; init; } = 256 << 20;

    /// <summary>Memory for what was written last, a power of two: consumers at the tail read it without the disk.</summary>
    public int JournalMemoryBytes { get; init; } = 64 << 20;

    /// <summary>How long requests in flight have to be answered when the broker stops.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public GatewayOptions Gateway { get; init; } = new();

    /// <summary>The options that Kafka's tools look for among the broker's configs, by Kafka's names. A port that the system
    /// is to choose shows as 0.</summary>
    internal IReadOnlyDictionary<string, string> ShownAsConfigs()
    {
        var shown = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["node.id"] = NodeId.ToString(CultureInfo.InvariantCulture),
            ["listeners"] = Listener(Listen),
            ["log.dirs"] = Path.GetFullPath(DataDirectory),
        };
        if (Advertise is not null) shown["advertised.listeners"] = Listener(Advertise);
        if (Rack is not null) shown["broker.rack"] = Rack;
        return shown;

        // Kafka writes no host where it listens on all addresses.
        static string Listener(HostPort address) => $"PLAINTEXT://{address.ToString().TrimStart('*')}";
    }
}
