using System.Text.RegularExpressions;
using Loire.Tests.RealClients;

namespace Loire.Tests.Standalone;

/// <summary>The broker as a process, started at once with whatever arguments a test gives it.</summary>
internal sealed partial class StandaloneProcess : HostProcess
{
    private readonly string[] _arguments;

    public StandaloneProcess(params string[] arguments)
        : this(new Dictionary<string, string>(StringComparer.Ordinal), arguments)
    {
    }

    public StandaloneProcess(Dictionary<string, string> variables, params string[] arguments)
        : base("Loire.Standalone")
    {
        Variables = variables;
        _arguments = arguments;
        Launch();
    }

    protected override IEnumerable<string> Arguments => _arguments;

    protected override IReadOnlyDictionary<string, string> Variables { get; }

    /// <returns>Where the broker listens for clients, and the address of its health endpoints.</returns>
    public async Task<(string Kafka, string Http)> WaitUntilReadyAsync()
    {
        var ready = Ready().Match(await WaitForLineAsync("is ready after"));
        return (ready.Groups["kafka"].Value, ready.Groups["http"].Value);
    }

    [GeneratedRegex(@"Kafka clients connect to (?<kafka>[^,]+), data in [^,]+, health and metrics on (?<http>\S+)")]
    private static partial Regex Ready();
}
