using System.Globalization;
using Loire.Embedded;

namespace Loire.Standalone;

/// <summary>The section "Loire" of the configuration. A setting that is not known is refused by name, so that a
/// misspelt one does not pass unnoticed.</summary>
internal sealed record StandaloneSettings(BrokerOptions Broker, HostPort? HttpListen, bool LogsJson)
{
    public const string Section = "Loire";
    public const string DataDirectory = "DataDirectory";
    public const string Listen = "Listen";
    public const string Advertise = "Advertise";
    public const string Http = "Http";
    public const string NodeId = "NodeId";
    public const string LogFormat = "LogFormat";
    public const string Kafka = "Kafka";

    private static readonly StandaloneSettings Default = new(new BrokerOptions(), new HostPort("localhost", 9644), false);

    /// <summary>How each setting changes what is in force.</summary>
    private static readonly Dictionary<string, Func<StandaloneSettings, string, StandaloneSettings>> Readers =
        new(StringComparer.OrdinalIgnoreCase)
        {
            [DataDirectory] = (settings, value) => settings.With(broker => broker with { DataDirectory = value }),
            [Listen] = (settings, value) => settings.With(broker => broker with { Listen = HostPort.Parse(value) }),
            [Advertise] = (settings, value) => settings.With(broker => broker with { Advertise = HostPort.Parse(value) }),
            [Http] = (settings, value) => settings with { HttpListen = value == "none" ? null : HostPort.Parse(value) },
            [NodeId] = (settings, value) => settings.With(broker => broker with { NodeId = Int(value) }),
            ["Rack"] = (settings, value) => settings.With(broker => broker with { Rack = value }),
            ["BatchBytesMax"] = (settings, value) => settings.With(broker => broker with { BatchBytesMax = Int(value) }),
            ["JournalSegmentBytes"] = (settings, value) => settings.With(broker => broker with { JournalSegmentBytes = Int(value) }),
            ["JournalMemoryBytes"] = (settings, value) => settings.With(broker => broker with { JournalMemoryBytes = Int(value) }),
            ["StopTimeoutSeconds"] = (settings, value) =>
                settings.With(broker => broker with { StopTimeout = TimeSpan.FromSeconds(Int(value)) }),
            [LogFormat] = (settings, value) => settings with
            {
                LogsJson = value switch
                {
                    "json" => true,
                    "simple" => false,
                    _ => throw new FormatException($"'{value}' is neither simple nor json"),
                },
            },
        };

    /// <summary>appsettings.json beside the program, then --config, the environment and the arguments.</summary>
    /// <exception cref="UsageException">A file cannot be read.</exception>
    public static IConfigurationRoot Load(CommandLine line)
    {
        if (line.ConfigFile is { } file && !File.Exists(file)) throw new UsageException($"--config {file}: there is no such file.");
        try
        {
            var builder = new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true);
            if (line.ConfigFile is not null) builder.AddJsonFile(Path.GetFullPath(line.ConfigFile));
            return builder.AddEnvironmentVariables().AddInMemoryCollection(line.Settings).Build();
        }
        catch (InvalidDataException unreadable)
        {
            throw new UsageException($"{unreadable.Message} {unreadable.InnerException?.Message}");
        }
    }

    /// <exception cref="UsageException">A setting is unknown or has a value that is none.</exception>
    public static StandaloneSettings Read(IConfiguration configuration)
    {
        var settings = Default;
        foreach (var entry in configuration.GetSection(Section).GetChildren())
        {
            if (entry.Key.Equals(Kafka, StringComparison.OrdinalIgnoreCase))
            {
                settings = settings.With(broker => broker with { Kafka = ReadKafka(entry) });
                continue;
            }

            if (!Readers.TryGetValue(entry.Key, out var read))
                throw new UsageException($"Unknown setting {entry.Path}.{UsageException.Hint(entry.Key, [.. Readers.Keys, Kafka])}");
            try
            {
                settings = read(settings, entry.Value ?? throw new FormatException("a single value is expected"));
            }
            catch (FormatException wrong)
            {
                throw new UsageException($"{entry.Path}: {wrong.Message}.");
            }
        }

        return settings;
    }

    /// <summary>Names as Kafka writes them; in the environment, where dots are unusual, with underscores.</summary>
    private static Dictionary<string, string> ReadKafka(IConfigurationSection section) =>
        section.GetChildren().ToDictionary(
            entry => entry.Key.Replace('_', '.').ToLowerInvariant(), entry => entry.Value ?? "", StringComparer.Ordinal);

    private StandaloneSettings With(Func<BrokerOptions, BrokerOptions> change) => this with { Broker = change(Broker) };

    private static int Int(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{value}' is not a whole number from 0 to {int.MaxValue}");
}
