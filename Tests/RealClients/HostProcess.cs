using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace Loire.Tests.RealClients;

/// <summary>A host as a process of its own, on a data directory that survives its deaths.</summary>
/// <param name="assembly">The program's name, beside the tests.</param>
internal abstract class HostProcess(string assembly, int port) : IAsyncDisposable
{
    private readonly List<string> _said = [];
    private Process? _process;
    private Channel<string> _output = Channel.CreateUnbounded<string>();

    /// <summary>Where it listens for Kafka clients.</summary>
    public int Port { get; } = port;

    public string DataDirectory { get; } = Directory.CreateTempSubdirectory("loire-real-clients-").FullName;

    public string Bootstrap => $"localhost:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>What it is started with, each time.</summary>
    protected abstract IEnumerable<string> Arguments { get; }

    /// <summary>Starts the process and waits until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        Launch();
        await WaitForLineAsync("is ready after");
    }

    /// <summary>Starts the process.</summary>
    public void Launch()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
        foreach (var argument in Arguments) start.ArgumentList.Add(argument);
        var output = _output = Channel.CreateUnbounded<string>();
        _process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        var open = 2;
        _process.OutputDataReceived += Note;
        _process.ErrorDataReceived += Note;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Note(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is not null) output.Writer.TryWrite(line.Data);
            else if (Interlocked.Decrement(ref open) == 0) output.Writer.TryComplete();
        }
    }

    /// <summary>Waits until it prints a line with <paramref name="text"/>; fails with all it printed.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        using var patience = new CancellationTokenSource(Eventually.Patience);
        try
        {
            await foreach (var line in _output.Reader.ReadAllAsync(patience.Token))
            {
                _said.Add(line);
                if (line.Contains(text, StringComparison.OrdinalIgnoreCase)) return line;
            }
        }
        catch (OperationCanceledException)
        {
            _said.Add($"(no line with '{text}' within {Eventually.Patience})");
        }

        throw new InvalidOperationException($"{assembly} never said '{text}':\n" + string.Join('\n', _said));
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

    public async Task<int> WaitForExitAsync()
    {
        using var patience = new CancellationTokenSource(Eventually.Patience);
        await _process!.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
        Directory.Delete(DataDirectory, recursive: true);
    }
}
