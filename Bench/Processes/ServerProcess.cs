using System.Diagnostics;
using System.Net.Sockets;
using Loire.Bench.Load;

namespace Loire.Bench.Processes;

/// <summary>The Release build of a host as a process, which is killed and started again.</summary>
/// <param name="project">Whose program it is.</param>
/// <param name="outputPath">Where its output goes.</param>
public sealed class ServerProcess(string project, string[] arguments, int port, string outputPath) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private Process? _process;
    private long _started;

    public int Port => port;
    public int ProcessId => _process!.Id;

    /// <summary>From the start of the process until it answered a request, of the last start.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    /// <summary>A file of a project's Release build.</summary>
    public static string BuiltFile(string project, string file) =>
        Path.Combine(Checkout.Root, project, "bin", "Release", "net10.0", file);

    public BrokerConnection Connect() => new(port);

    public void Start()
    {
        // The shell sends the output to a file: a pipe that nobody empties would stop the broker.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = Path.GetDirectoryName(outputPath) };
        string[] command = ["-c", "exec \"$@\" >>\"$0\" 2>&1", outputPath, BuiltFile(project, "Loire." + project), .. arguments];
        foreach (var argument in command) start.ArgumentList.Add(argument);
        _started = Stopwatch.GetTimestamp();
        _process = Process.Start(start)!;
    }

    public void WaitUntilReady()
    {
        while (true)
        {
            try
            {
                using var connection = Connect();
                connection.AskApiVersions();
                ReadyAfter = Stopwatch.GetElapsedTime(_started);
                return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                if (_process!.HasExited || Stopwatch.GetElapsedTime(_started) > Patience)
                    throw new InvalidOperationException($"the broker did not start:\n{File.ReadAllText(outputPath)}", e);
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>Ends it as a power cut would, as far as a process can tell.</summary>
    public void Kill()
    {
        if (_process is null) return;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    public void Dispose() => Kill();
}
