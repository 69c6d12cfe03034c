namespace Loire.Hosting;

/// <summary>The arguments: each is another way to write a setting.</summary>
public sealed record CommandLine(Dictionary<string, string?> Settings, string? ConfigFile, bool AsksForHelp, bool AsksForVersion)
{
    private const string Set = "--set";
    private const string Config = "--config";

    /// <param name="settingsByOption">The options that stand for one setting each.</param>
    /// <exception cref="UsageException">An option is unknown or has no value.</exception>
    public static CommandLine Parse(string[] args, IReadOnlyDictionary<string, string> settingsByOption)
    {
        var line = new CommandLine([], null, args.Contains("--help") || args.Contains("-h"), args.Contains("--version"));
        if (line.AsksForHelp || line.AsksForVersion) return line;
        for (var i = 0; i < args.Length; i++)
        {
            var (option, value) = args[i].Split('=', 2) is [var name, var inline] && name.StartsWith("--", StringComparison.Ordinal)
                ? (name, inline)
                : (args[i], i + 1 < args.Length ? args[++i] : null);
            var setting = settingsByOption.GetValueOrDefault(option);
            if (setting is null && option is not (Set or Config))
                throw new UsageException($"Unknown option {option}.{UsageException.Hint(option, [.. settingsByOption.Keys, Set, Config])}");
            if (string.IsNullOrEmpty(value)) throw new UsageException($"{option} needs a value; see --help.");
            line = line.With(option, setting, value);
        }

        return line;
    }

    private CommandLine With(string option, string? setting, string value)
    {
        switch (option)
        {
            case Config:
                return this with { ConfigFile = value };
            case Set:
                if (value.Split('=', 2) is not [var name, var config])
                    throw new UsageException($"--set {value}: write NAME=VALUE, for example --set num.partitions=3.");
                Settings[$"{Configuration.Section}:{HostSettings.Kafka}:{name}"] = config;
                return this;
            default:
                Settings[$"{Configuration.Section}:{setting}"] = value;
                return this;
        }
    }
}
