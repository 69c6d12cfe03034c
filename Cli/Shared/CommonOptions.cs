using System.CommandLine;

namespace Loire.Cli.Shared;

/// <summary>The options that every command has.</summary>
internal static class CommonOptions
{
    public const string BootstrapVariable = "LOIRE_BOOTSTRAP";

    public static readonly Option<string> Bootstrap = new("--bootstrap", "-b", "--bootstrap-server")
    {
        Description = $"HOST:PORT of one or more brokers, comma-separated (or ${BootstrapVariable})",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(BootstrapVariable) ?? "localhost:9092",
        Recursive = true,
    };

    public static readonly Option<double> Timeout = new Option<double>("--timeout")
    {
        Description = "Seconds to wait for a broker",
        DefaultValueFactory = _ => 15,
        Recursive = true,
    }.Within(0.001, Bounds.TimeMax.TotalSeconds);

    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON", Recursive = true };

    public static IReadOnlyList<Option> All { get; } = [Bootstrap, Timeout, Json];
}
