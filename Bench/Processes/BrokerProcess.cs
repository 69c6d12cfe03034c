using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Loire.Bench.Load;

namespace Loire.Bench.Processes;

/// <summary>The Release build of the standalone broker on a free port, with a data directory that goes with it.</summary>
public sealed class BrokerProcess : IDisposable
{
    private const int KilobyteBytes = 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _directory;
    private Process _process;

    private BrokerProcess(string directory)
    {
        _directory = directory;
        _process = Start();
    }

    public int Port { get; } = FreePort();
    public int ProcessId => _process.Id;

    /// <summary>From the start of the process until it answered a request, of the last start.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    private string OutputPath => Path.Combine(_directory, "output.txt");

    /// <param name="parentDirectory">The volume to measure.</param>
    public static BrokerProcess Start(string parentDirectory) =>
        new(Directory.CreateDirectory(Path.Combine(parentDirectory, $"loire-bench-{Path.GetRandomFileName()}")).FullName);

    public BrokerConnection Connect() => new(Port);

    /// <summary>Ends it as a power cut would, as far as a process can tell, and starts it again on what it left.</summary>
    public void KillAndRestart()
    {
        Kill();
        _process = Start();
    }

    /// <summary>Memory in use now, in MB: all resident pages, and those of them that no file backs.</summary>
    public (double Resident, double Anonymous) ReadMemory()
    {
        var status = File.ReadAllLines($"/proc/{ProcessId.ToString(CultureInfo.InvariantCulture)}/status");
        return (Field("VmRSS:"), Field("RssAnon:"));

        double Field(string name)
        {
            var line = status.Single(line => line.StartsWith(name, StringComparison.Ordinal));
            var kilobytes = line[name.Length..].Replace("kB", "", StringComparison.Ordinal);
            return double.Parse(kilobytes, CultureInfo.InvariantCulture) * KilobyteBytes / 1e6;
        }
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_directory, recursive: true);
    }

    private void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private Process Start()
    {
        var executable = Path.Combine(FindRoot(), "Standalone", "bin", "Release", "net10.0", "Loire.Standalone");
        var listen = $"127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";
        // The shell sends the output to a file: a pipe that nobody empties would stop the broker.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = _directory };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("exec \"$0\" --data \"$1\" --listen \"$2\" --advertise \"$2\" --http none >>\"$3\" 2>&1");
        start.ArgumentList.Add(executable);
        start.ArgumentList.Add(Path.Combine(_directory, "data"));
        start.ArgumentList.Add(listen);
        start.ArgumentList.Add(OutputPath);
        var started = Stopwatch.GetTimestamp();
        var process = Process.Start(start)!;
        WaitUntilReady(process, started);
        ReadyAfter = Stopwatch.GetElapsedTime(started);
        return process;
    }

    private void WaitUntilReady(Process process, long started)
    {
        while (true)
        {
            try
            {
                using var connection = Connect();
                connection.AskApiVersions();
                return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(started) > Patience)
                {
                    throw new InvalidOperationException($"the broker did not start:\n{File.ReadAllText(OutputPath)}", e);
                }

                Thread.Sleep(1);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Standalone.slnf")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException($"there is no Standalone.slnf above {AppContext.BaseDirectory}: run ./bench in a checkout");
    }
}
