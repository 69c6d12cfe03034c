using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Loire.Tests.RealClients;

/// <summary>A program of ours as a process, which can be ended and launched again.</summary>
/// <param name="assembly">The program's name, beside the tests.</param>
internal abstract class HostProcess(string assembly) : IAsyncDisposable
{
    private Process? _process;
    private Run _run = new();

    /// <summary>What the present run, or the last one, has printed to its standard output.</summary>
    public IReadOnlyCollection<string> Output => _run.Output;

    /// <summary>What it has printed to its standard error.</summary>
    public IReadOnlyCollection<string> Errors => _run.Errors;

    /// <summary>The process's id.</summary>
    public int Id => _process!.Id;

    protected bool IsRunning => _process is { HasExited: false };

    /// <summary>The program, and where it is started.</summary>
    protected virtual ProcessStartInfo Program => new("dotnet", [Path.Combine(AppContext.BaseDirectory, assembly + ".dll")]);

    /// <summary>What it is started with, each time.</summary>
    protected abstract IEnumerable<string> Arguments { get; }

    /// <summary>What its environment has beside ours.</summary>
    protected virtual IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Starts the process and waits until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        Launch();
        await WaitForLineAsync("is ready after");
    }

    /// <summary>Starts the process.</summary>
    public void Launch()
    {
        var start = Program;
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        foreach (var argument in Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in Variables) start.Environment[name] = value;
        var run = _run = new Run();
        _process?.Dispose();
        _process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        _process.OutputDataReceived += (_, line) => run.Note(run.Output, line.Data);
        _process.ErrorDataReceived += (_, line) => run.Note(run.Errors, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits until the present run has printed a line with <paramref name="text"/>; fails with all it printed.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        string? found = null;
        var run = _run;
        await Eventually.IsTrueAsync(
            () => (found = run.Find(text)) is not null || run.HasEnded, $"{assembly} says '{text}'", () => run.ToString());
        return found ?? run.Find(text) ?? throw new InvalidOperationException($"{assembly} ended and never said '{text}':\n{run}");
    }

    /// <summary>kill -9: nothing in the process gets to run any more.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and its exit code once it is gone.</summary>
    public async Task<int> TerminateAsync()
    {
        await SignalAsync("TERM");
        return await WaitForExitAsync();
    }

    /// <returns>Its exit code, when all that it printed has been read.</returns>
    public async Task<int> WaitForExitAsync()
    {
        await Eventually.IsTrueAsync(() => _process!.HasExited && _run.HasEnded, $"{assembly} ends", () => _run.ToString());
        return _process!.ExitCode;
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (IsRunning) await KillAsync();
        _process?.Dispose();
    }

    /// <summary>What one run of the process prints.</summary>
    private sealed class Run
    {
        private int _openStreams = 2;

        public ConcurrentQueue<string> Output { get; } = [];

        public ConcurrentQueue<string> Errors { get; } = [];

        /// <summary>Nothing more will come.</summary>
        public bool HasEnded => Volatile.Read(ref _openStreams) == 0;

        public void Note(ConcurrentQueue<string> stream, string? line)
        {
            if (line is null) Interlocked.Decrement(ref _openStreams);
            else stream.Enqueue(line);
        }

        public string? Find(string text) =>
            Output.Concat(Errors).FirstOrDefault(line => line.Contains(text, StringComparison.OrdinalIgnoreCase));

        public override string ToString() => string.Join('\n', Output.Concat(Errors));
    }
}
