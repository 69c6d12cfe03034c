namespace Loire.Hosting;

/// <summary>A host's command line as its user sees it.</summary>
/// <param name="SettingsByOption">The options that stand for one setting each.</param>
public sealed record HostUsage(string Help, IReadOnlyDictionary<string, string> SettingsByOption)
{
    /// <summary>The options that every host has.</summary>
    public static readonly IReadOnlyDictionary<string, string> CommonOptions = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["--data"] = HostSettings.DataDirectory,
        ["--listen"] = HostSettings.Listen,
        ["--advertise"] = HostSettings.Advertise,
        ["--http"] = HostSettings.Http,
        ["--node-id"] = HostSettings.NodeId,
        ["--log-format"] = HostSettings.LogFormat,
    };

    /// <summary>Their part of the help.</summary>
    public const string CommonHelp = """
          --data DIR             where topics and records are kept          (default data)
          --listen HOST:PORT     where Kafka clients are listened for       (default localhost:9092)
          --advertise HOST:PORT  what clients are told to connect to        (default as --listen)
          --http HOST:PORT       /health/live, /health/ready and /metrics   (default localhost:9644; none = off)
          --node-id N            the broker's id                            (default 1)
          --log-format FORMAT    simple or json                             (default simple)
          --set NAME=VALUE       a broker config by Kafka's name, for example num.partitions=3; may be repeated
          --config FILE          more settings, in the form of appsettings.json
          --help, --version
        """;

    public const string WhereSettingsStand = """
        The same settings may stand under "Loire" in appsettings.json and appsettings.ENVIRONMENT.json (DOTNET_ENVIRONMENT), beside
        the program and in the working directory, and in the environment as Loire__NAME or Loire__Kafka__num_partitions.
        An argument wins over the environment, the environment over --config, that over the working directory's files, and
        those over the program's.
        """;
}
