using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Loire.Tests.Standalone;

/// <summary>The broker as a process, on free ports.</summary>
internal sealed partial class StandaloneProcess : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = [];
    private readonly TaskCompletionSource<Match> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StandaloneProcess(params string[] arguments)
        : this(new Dictionary<string, string>(StringComparer.Ordinal), arguments)
    {
    }

    public StandaloneProcess(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Loire.Standalone"), arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null) Errors.Enqueue(line.Data);
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public ConcurrentQueue<string> Errors { get; } = [];
    public IEnumerable<string> Output => _output;

    /// <returns>Where the broker listens for clients, and the address of its health endpoints.</returns>
    public async Task<(string Kafka, string Http)> WaitUntilReadyAsync()
    {
        var match = await _ready.Task.WaitAsync(Eventually.Patience);
        return (match.Groups["kafka"].Value, match.Groups["http"].Value);
    }

    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async Task<int> WaitForExitAsync()
    {
        using var timeout = new CancellationTokenSource(Eventually.Patience);
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    [GeneratedRegex(@"is ready after \d+ ms: Kafka clients connect to (?<kafka>[^,]+), data in [^,]+, health and metrics on (?<http>\S+)")]
    private static partial Regex Ready();

    private void Read(string? line)
    {
        if (line is null)
        {
            _ready.TrySetException(new InvalidOperationException("the broker ended: " + string.Join('\n', Errors)));
            return;
        }

        _output.Enqueue(line);
        if (Ready().Match(line) is { Success: true } match) _ready.TrySetResult(match);
    }
}
