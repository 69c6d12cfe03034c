using System.Net;
using Loire.Hosting;
using Loire.Postgres;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Loire.Silo;

/// <summary>What a silo is told beyond what every host is.</summary>
/// <param name="Cluster">The database that holds the cluster together; null for a cluster of this silo alone.</param>
/// <param name="SiloPort">Where other silos are listened for.</param>
/// <param name="GatewayPort">Where Orleans clients are listened for.</param>
internal sealed record SiloSettings(HostSettings Host, NpgsqlConnectionStringBuilder? Cluster, int SiloPort, int GatewayPort)
{
    private const string ClusterSetting = "Cluster";
    private const string SiloPortSetting = "SiloPort";
    private const string GatewayPortSetting = "GatewayPort";

    public static readonly SiloSettings Default = new(HostSettings.Default, null, 11111, 30000);

    public static readonly IReadOnlyDictionary<string, Func<SiloSettings, IConfigurationSection, SiloSettings>> Readers =
        new Dictionary<string, Func<SiloSettings, IConfigurationSection, SiloSettings>>(
            HostSettings.Readers.Select(reader => KeyValuePair.Create<string, Func<SiloSettings, IConfigurationSection, SiloSettings>>(
                reader.Key, (settings, entry) => settings with { Host = reader.Value(settings.Host, entry) })),
            StringComparer.OrdinalIgnoreCase)
        {
            [ClusterSetting] = (settings, entry) => settings with { Cluster = PostgresAddress.Parse(entry.Text()) },
            [SiloPortSetting] = (settings, entry) => settings with { SiloPort = entry.Int() },
            [GatewayPortSetting] = (settings, entry) => settings with { GatewayPort = entry.Int() },
        };

    public static readonly HostUsage Usage = new(
        $"""
        Usage: loire-silo [OPTION VALUE]...

          --cluster ADDRESS      the PostgreSQL database that the brokers of a cluster share, as
                                 postgres://user:password@host:5432/database (default none: this broker alone)
        {HostUsage.CommonHelp}
          --rack NAME            where it stands: replicas are spread over racks
          --silo-port PORT       where other brokers are listened for       (default 11111)
          --gateway-port PORT    where Orleans clients are listened for     (default 30000; 0 = off)

        Other brokers and Orleans clients reach a broker at the host that --advertise names.
        {HostUsage.WhereSettingsStand}
        """,
        new Dictionary<string, string>(HostUsage.CommonOptions, StringComparer.Ordinal)
        {
            ["--cluster"] = ClusterSetting,
            ["--rack"] = HostSettings.Rack,
            ["--silo-port"] = SiloPortSetting,
            ["--gateway-port"] = GatewayPortSetting,
        });

    /// <summary>What other silos connect to. They are told an address, not a name: of a host that has several, the one that
    /// is listened on.</summary>
    /// <exception cref="UsageException">The host that clients are told is no address and has none.</exception>
    public IPAddress AdvertisedAddress
    {
        get
        {
            var kafka = Host.Broker.Advertise ?? Host.Broker.Listen;
            try
            {
                var advertised = kafka.Resolve().Select(endPoint => endPoint.Address).ToList();
                return advertised.Exists(IsAny)
                    ? throw new UsageException($"A broker that listens on {kafka} has to tell others where: name its host in --advertise.")
                    : advertised.Find(ListenAddresses.Contains) ?? advertised[0];
            }
            catch (FormatException unknown)
            {
                throw new UsageException($"Other brokers are to connect to {kafka.Host}: {unknown.Message}.");
            }
        }
    }

    /// <summary>Silos are listened for where Kafka clients are.</summary>
    public IPAddress ListenAddress => ListenAddresses.Contains(AdvertisedAddress) ? AdvertisedAddress : ListenAddresses[0];

    private List<IPAddress> ListenAddresses => [.. Host.Broker.Listen.Resolve().Select(endPoint => endPoint.Address)];

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Any);
}
