using Loire.Embedded;
using Microsoft.Extensions.Configuration;

namespace Loire.Hosting;

/// <summary>What every host is told.</summary>
/// <param name="HttpListen">Null for no health and no metrics.</param>
public sealed record HostSettings(BrokerOptions Broker, HostPort? HttpListen)
{
    public const string DataDirectory = "DataDirectory";
    public const string Listen = "Listen";
    public const string Advertise = "Advertise";
    public const string Http = "Http";
    public const string NodeId = "NodeId";
    public const string Rack = "Rack";
    public const string LogFormat = "LogFormat";
    public const string Kafka = "Kafka";

    public static readonly HostSettings Default = new(new BrokerOptions(), new HostPort("localhost", 9644));

    public static readonly IReadOnlyDictionary<string, Func<HostSettings, IConfigurationSection, HostSettings>> Readers =
        new Dictionary<string, Func<HostSettings, IConfigurationSection, HostSettings>>(StringComparer.OrdinalIgnoreCase)
        {
            [DataDirectory] = (settings, entry) => settings.With(broker => broker with { DataDirectory = entry.Text() }),
            [Listen] = (settings, entry) => settings.With(broker => broker with { Listen = entry.Address() }),
            [Advertise] = (settings, entry) => settings.With(broker => broker with { Advertise = entry.Address() }),
            [Http] = (settings, entry) => settings with { HttpListen = entry.Text() == "none" ? null : entry.Address() },
            [NodeId] = (settings, entry) => settings.With(broker => broker with { NodeId = entry.Int() }),
            [Rack] = (settings, entry) => settings.With(broker => broker with { Rack = entry.Text() }),
            ["BatchBytesMax"] = (settings, entry) => settings.With(broker => broker with { BatchBytesMax = entry.Int() }),
            ["JournalSegmentBytes"] = (settings, entry) => settings.With(broker => broker with { JournalSegmentBytes = entry.Int() }),
            ["JournalMemoryBytes"] = (settings, entry) => settings.With(broker => broker with { JournalMemoryBytes = entry.Int() }),
            ["StopTimeoutSeconds"] = (settings, entry) =>
                settings.With(broker => broker with { StopTimeout = TimeSpan.FromSeconds(entry.Int()) }),
            [LogFormat] = (settings, _) => settings, // HostLogs reads it, before all else.
            [Kafka] = (settings, entry) => settings.With(broker => broker with { Kafka = ReadKafka(entry) }),
        };

    private static Dictionary<string, string> ReadKafka(IConfigurationSection section) =>
        section.GetChildren().ToDictionary(entry => entry.Key.ToLowerInvariant(), entry => entry.Value ?? "", StringComparer.Ordinal);

    private HostSettings With(Func<BrokerOptions, BrokerOptions> change) => this with { Broker = change(Broker) };
}
