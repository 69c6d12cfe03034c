using System.Diagnostics;
using System.Text.RegularExpressions;
using Loire.Tests.RealClients;

namespace Loire.Tests.Standalone;

/// <summary>The broker as a process, started at once with whatever arguments a test gives it.</summary>
internal sealed partial class StandaloneProcess : HostProcess
{
    private readonly string[] _arguments;
    private readonly string _workingDirectory;

    public StandaloneProcess(params string[] arguments)
        : this(new Dictionary<string, string>(StringComparer.Ordinal), arguments)
    {
    }

    /// <param name="workingDirectory">Empty for the tests' own.</param>
    public StandaloneProcess(Dictionary<string, string> variables, string[] arguments, string workingDirectory = "")
        : base("Loire.Standalone")
    {
        _workingDirectory = workingDirectory;
        Variables = variables;
        _arguments = arguments;
        Launch();
    }

    protected override IEnumerable<string> Arguments => _arguments;

    protected override ProcessStartInfo Program
    {
        get
        {
            var program = base.Program;
            program.WorkingDirectory = _workingDirectory;
            return program;
        }
    }

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
