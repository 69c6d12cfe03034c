using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Loire.Hosting;

/// <summary>Where settings come from. A setting that is not known is refused by name, so that a misspelt one does not
/// pass unnoticed.</summary>
public static class Configuration
{
    public const string Section = "Loire";

    private const string KafkaPrefix = $"{Section}:{HostSettings.Kafka}:";

    /// <summary>As .NET's hosts have it, the later ones winning: appsettings.json and then appsettings.ENVIRONMENT.json, by
    /// DOTNET_ENVIRONMENT, beside the program and then in the working directory; --config; the environment; the
    /// arguments.</summary>
    /// <exception cref="UsageException">A file cannot be read.</exception>
    public static IConfigurationRoot Load(CommandLine line)
    {
        if (line.ConfigFile is { } file && !File.Exists(file)) throw new UsageException($"--config {file}: there is no such file.");
        try
        {
            var environment = Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT") is { Length: > 0 } named ? named : "Production";
            var builder = new ConfigurationBuilder();
            foreach (var directory in new[] { AppContext.BaseDirectory, Environment.CurrentDirectory })
            {
                builder.AddJsonFile(Path.Combine(directory, "appsettings.json"), optional: true);
                builder.AddJsonFile(Path.Combine(directory, $"appsettings.{environment}.json"), optional: true);
            }

            if (line.ConfigFile is not null) builder.AddJsonFile(Path.GetFullPath(line.ConfigFile));
            return builder.AddInMemoryCollection(ReadEnvironment()).AddInMemoryCollection(line.Settings).Build();
        }
        catch (InvalidDataException unreadable)
        {
            throw new UsageException($"{unreadable.Message} {Explain(unreadable.GetBaseException())}");
        }
    }

    /// <summary>A syntax error is reported with its line counted from 0; people count from 1.</summary>
    private static string Explain(Exception fault) => fault is JsonException { LineNumber: { } line }
        ? $"Line {line + 1}: {fault.Message.Split(" LineNumber:")[0]}"
        : fault.Message;

    /// <summary>Kafka's names have underscores in the environment, where dots are unusual. From here on they have dots: under a
    /// name of its own a config would not win over the same config of a file.</summary>
    private static Dictionary<string, string?> ReadEnvironment()
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in new ConfigurationBuilder().AddEnvironmentVariables().Build().AsEnumerable())
        {
            if (value is null) continue;
            var isKafka = key.StartsWith(KafkaPrefix, StringComparison.OrdinalIgnoreCase);
            settings[isKafka ? KafkaPrefix + key[KafkaPrefix.Length..].Replace('_', '.') : key] = value;
        }

        return settings;
    }

    /// <summary>Applies the section "Loire", setting by setting.</summary>
    /// <param name="readers">How each setting changes what is in force; a value that is none is a
    /// <see cref="FormatException"/>.</param>
    /// <exception cref="UsageException">A setting is unknown or has a value that is none.</exception>
    public static TSettings Read<TSettings>(
        IConfiguration configuration,
        TSettings defaults,
        IReadOnlyDictionary<string, Func<TSettings, IConfigurationSection, TSettings>> readers)
    {
        var settings = defaults;
        foreach (var entry in configuration.GetSection(Section).GetChildren())
        {
            if (!readers.TryGetValue(entry.Key, out var read))
                throw new UsageException($"Unknown setting {entry.Path}.{UsageException.Hint(entry.Key, readers.Keys)}");
            try
            {
                settings = read(settings, entry);
            }
            catch (FormatException wrong)
            {
                throw new UsageException($"{entry.Path}: {wrong.Message}.");
            }
        }

        return settings;
    }
}
