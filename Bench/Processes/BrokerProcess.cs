using System.Globalization;
using Loire.Bench.Load;

namespace Loire.Bench.Processes;

/// <summary>The standalone broker on a free port, with a data directory that goes with it.</summary>
public sealed class BrokerProcess : IDisposable
{
    private const int KilobyteBytes = 1024;

    private readonly string _directory;
    private readonly ServerProcess _server;

    private BrokerProcess(string directory)
    {
        _directory = directory;
        var port = LoopbackPort.Free();
        var listen = $"127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";
        _server = new ServerProcess(
            "Standalone",
            ["--data", Path.Combine(directory, "data"), "--listen", listen, "--advertise", listen, "--http", "none"],
            port,
            Path.Combine(directory, "output.txt"));
        _server.Start();
        _server.WaitUntilReady();
    }

    public int Port => _server.Port;
    public int ProcessId => _server.ProcessId;

    /// <inheritdoc cref="ServerProcess.ReadyAfter"/>
    public TimeSpan ReadyAfter => _server.ReadyAfter;

    /// <param name="parentDirectory">The volume to measure.</param>
    public static BrokerProcess Start(string parentDirectory) =>
        new(Directory.CreateDirectory(Path.Combine(parentDirectory, $"loire-bench-{Path.GetRandomFileName()}")).FullName);

    public BrokerConnection Connect() => _server.Connect();

    /// <summary>Kills it and starts it again on what it left.</summary>
    public void KillAndRestart()
    {
        _server.Kill();
        _server.Start();
        _server.WaitUntilReady();
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
        _server.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
