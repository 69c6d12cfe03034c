using System.Globalization;
using Loire.Bench.Processes;
using Loire.Tests.RealClients;

namespace Loire.Tests.Cluster.Processes;

/// <summary>The silo as a process of its own. Its ports stay the same through its deaths.</summary>
internal sealed class SiloProcess(string? cluster, int nodeId, params string[] extraArguments)
    : KafkaHostProcess("Loire.Silo")
{
    private readonly int _httpPort = LoopbackPort.Free();
    private readonly int _siloPort = LoopbackPort.Free();

    public int NodeId => nodeId;

    /// <summary>Where a data directory other than its own is to be used.</summary>
    public string? OtherDirectory { get; init; }

    public string Http => $"http://127.0.0.1:{_httpPort.ToString(CultureInfo.InvariantCulture)}";

    protected override IEnumerable<string> Arguments =>
    [
        .. cluster is null ? Array.Empty<string>() : ["--cluster", cluster],
        "--node-id", nodeId.ToString(CultureInfo.InvariantCulture), "--data", OtherDirectory ?? DataDirectory,
        "--listen", $"127.0.0.1:{Port}", "--advertise", Bootstrap, "--http", $"127.0.0.1:{_httpPort}",
        "--silo-port", _siloPort.ToString(CultureInfo.InvariantCulture), "--gateway-port", "0",
        "--set", "offsets.topic.num.partitions=6",
        .. extraArguments,
    ];
}
