using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Loire.Tests.RealClients;

/// <summary>The standalone host as a process of its own, on a data directory that survives its deaths.</summary>
internal sealed class BrokerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string[] _extraArguments;
    private Process? _process;
    private Channel<string> _output = Channel.CreateUnbounded<string>();

    private BrokerProcess(int port, string[] extraArguments)
    {
        Port = port;
        _extraArguments = extraArguments;
        DataDirectory = Directory.CreateTempSubdirectory("loire-real-clients-").FullName;
    }

    public int Port { get; }
    public string DataDirectory { get; }
    public string Bootstrap => $"localhost:{Port.ToString(CultureInfo.InvariantCulture)}";

    public static async Task<BrokerProcess> StartAsync(int? port = null, params string[] extraArguments)
    {
        var broker = new BrokerProcess(port ?? FreePort(), extraArguments);
        await broker.StartAgainAsync();
        return broker;
    }

    public async Task StartAgainAsync()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Loire.Standalone.dll"));
        foreach (var argument in (string[])["--data", DataDirectory, "--listen", $"127.0.0.1:{Port}", "--advertise", Bootstrap,
            "--http", "none", .. _extraArguments])
        {
            start.ArgumentList.Add(argument);
        }

        var output = _output = Channel.CreateUnbounded<string>();
        _process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        _process.OutputDataReceived += (_, line) => Note(output, line.Data);
        _process.ErrorDataReceived += (_, line) => Note(output, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitForLineAsync("ready");
    }

    /// <summary>Waits until the broker prints a line with <paramref name="text"/>; fails with all it printed.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        var seen = new List<string>();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await foreach (var line in _output.Reader.ReadAllAsync(patience.Token))
            {
                seen.Add(line);
                if (line.Contains(text, StringComparison.OrdinalIgnoreCase))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException)
        {
            seen.Add($"(no line with '{text}' within {Patience})");
        }

        throw new InvalidOperationException($"The broker never said '{text}':\n" + string.Join('\n', seen));
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
        using var kill = Process.Start("kill", ["-TERM", _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await KillAsync();
        }

        _process?.Dispose();
        Directory.Delete(DataDirectory, recursive: true);
    }

    private static void Note(Channel<string> output, string? line)
    {
        if (line is null)
        {
            output.Writer.TryComplete();
        }
        else
        {
            output.Writer.TryWrite(line);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
