using System.Diagnostics;
using System.Globalization;
using Loire.Bench.Processes;
using Loire.Tests.Cluster.Postgres;
using Loire.Tests.RealClients;
using Loire.Tests.Repo;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>What people start: <c>./run cluster</c>, in a directory whose name has a space, on ports of the test's.</summary>
internal sealed class LocalCluster : HostProcess
{
    public const int BrokerCount = 3;
    private const int ReadmePort = 9092;

    /// <summary>That of PostgreSQL follows those of the brokers.</summary>
    private readonly int _port = LoopbackPort.Free(BrokerCount + 1);

    private readonly int _httpPort = LoopbackPort.Free(BrokerCount);
    private readonly int _siloPort = LoopbackPort.Free(BrokerCount);
    private readonly int _gatewayPort = LoopbackPort.Free(BrokerCount);
    private readonly string _directory;
    private readonly int? _broker;

    /// <param name="directory">Where it is started; kept afterwards.</param>
    public LocalCluster(string directory)
        : base("./run cluster") => _directory = directory;

    private LocalCluster(LocalCluster cluster, int broker)
        : base("./run cluster")
    {
        (_directory, _broker) = (cluster._directory, broker);
        (_port, _httpPort, _siloPort, _gatewayPort) = (cluster._port, cluster._httpPort, cluster._siloPort, cluster._gatewayPort);
    }

    public string Bootstrap => string.Join(',', Enumerable.Range(_port, BrokerCount).Select(port => $"localhost:{Text(port)}"));

    protected override ProcessStartInfo Program =>
        new(Path.Combine(Repository.Root, "run")) { WorkingDirectory = _directory };

    protected override IEnumerable<string> Arguments =>
    [
        "cluster", .. _broker is null ? Array.Empty<string>() : [Text(_broker.Value)],
        "--listen", $"localhost:{Text(_port)}", "--http", $"localhost:{Text(_httpPort)}",
        "--silo-port", Text(_siloPort), $"--gateway-port={Text(_gatewayPort)}",
    ];

    /// <summary>A directory for one, with a space. Skips the test where PostgreSQL is not installed.</summary>
    public static string CreateDirectory()
    {
        if (PrivatePostgres.WhyNot is { } whyNot) Assert.Skip(whyNot);
        var directory = Directory.CreateTempSubdirectory("loire run ").FullName;

        // PostgreSQL may run as a user of its own, who has to get into it.
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
        return directory;
    }

    /// <summary>The broker alone, beside the others: <c>./run cluster N</c>.</summary>
    public LocalCluster Alone(int broker) => new(this, broker);

    public async Task WaitUntilReadyAsync()
    {
        for (var broker = 1; broker <= BrokerCount; broker++) await WaitForLineAsync($"[{Text(broker)}] Loire");
    }

    /// <summary>kill -9 of the process that was printed for a broker.</summary>
    public async Task KillAsync(int broker)
    {
        var line = await WaitForLineAsync($"Broker {Text(broker)} is process ");
        using var kill = Process.Start("kill", ["-9", line[(line.LastIndexOf(' ') + 1)..]]);
        await kill.WaitForExitAsync();
    }

    /// <summary>A program that connects to the ports of the README, made to connect to these.</summary>
    public string AtThesePorts(string program) => Enumerable.Range(0, BrokerCount).Aggregate(
        program, (text, index) => text.Replace(
            $"localhost:{Text(ReadmePort + index)}", $"localhost:{Text(_port + index)}", StringComparison.Ordinal));

    /// <summary>Killed, it would leave the brokers behind.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (IsRunning) await TerminateAsync();
        await base.DisposeAsync();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
