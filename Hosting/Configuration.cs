using Microsoft.Extensions.Configuration;

namespace Loire.Hosting;

/// <summary>Where settings come from. A setting that is not known is refused by name, so that a misspelt one does not
/// pass unnoticed.</summary>
public static class Configuration
{
    public const string Section = "Loire";

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
