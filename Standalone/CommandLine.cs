namespace Loire.Standalone;

/// <summary>The arguments: each is another way to write a setting.</summary>
internal sealed record CommandLine(Dictionary<string, string?> Settings, string? ConfigFile, bool AsksForHelp, bool AsksForVersion)
{
    public const string Help = """
        Usage: loire-standalone [OPTION VALUE]...

          --data DIR             where topics and records are kept          (default data)
          --listen HOST:PORT     where Kafka clients are listened for       (default localhost:9092)
          --advertise HOST:PORT  what clients are told to connect to        (default as --listen)
          --http HOST:PORT       /health/live, /health/ready and /metrics   (default localhost:9644; none = off)
          --node-id N            the broker's id                            (default 1)
          --log-format FORMAT    simple or json                             (default simple)
          --set NAME=VALUE       a broker config by Kafka's name, for example num.partitions=3; may be repeated
          --config FILE          more settings, in the form of appsettings.json
          --help, --version

        The same settings may stand in appsettings.json under "Loire" and in the environment as Loire__NAME.
        An argument wins over the environment, the environment over --config, and that over appsettings.json.
        """;

    private const string Set = "--set";
    private const string Config = "--config";

    private static readonly Dictionary<string, string> SettingsByOption = new(StringComparer.Ordinal)
    {
        ["--data"] = StandaloneSettings.DataDirectory,
        ["--listen"] = StandaloneSettings.Listen,
        ["--advertise"] = StandaloneSettings.Advertise,
        ["--http"] = StandaloneSettings.Http,
        ["--node-id"] = StandaloneSettings.NodeId,
        ["--log-format"] = StandaloneSettings.LogFormat,
    };

    /// <exception cref="UsageException">An option is unknown or has no value.</exception>
    public static CommandLine Parse(string[] args)
    {
        var line = new CommandLine([], null, args.Contains("--help") || args.Contains("-h"), args.Contains("--version"));
        if (line.AsksForHelp || line.AsksForVersion) return line;
        for (var i = 0; i < args.Length; i++)
        {
            var (option, value) = args[i].Split('=', 2) is [var name, var inline] && name.StartsWith("--", StringComparison.Ordinal)
                ? (name, inline)
                : (args[i], i + 1 < args.Length ? args[++i] : null);
            if (option is not (Set or Config) && !SettingsByOption.ContainsKey(option))
                throw new UsageException($"Unknown option {option}.{UsageException.Hint(option, [.. SettingsByOption.Keys, Set, Config])}");
            if (string.IsNullOrEmpty(value)) throw new UsageException($"{option} needs a value; see --help.");
            line = line.With(option, value);
        }

        return line;
    }

    private CommandLine With(string option, string value)
    {
        switch (option)
        {
            case Config:
                return this with { ConfigFile = value };
            case Set:
                if (value.Split('=', 2) is not [var name, var setting])
                    throw new UsageException($"--set {value}: write NAME=VALUE, for example --set num.partitions=3.");
                Settings[$"{StandaloneSettings.Section}:{StandaloneSettings.Kafka}:{name}"] = setting;
                return this;
            default:
                Settings[$"{StandaloneSettings.Section}:{SettingsByOption[option]}"] = value;
                return this;
        }
    }
}
