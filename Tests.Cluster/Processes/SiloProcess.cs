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

    /// <summary>Where Orleans clients are to be listened for.</summary>
    public int GatewayPort { get; init; }

    /// <summary>Where a data directory other than its own is to be used.</summary>
    public string? OtherDirectory { get; init; }

    /// <summary>Where it is to listen on another port than its own.</summary>
    public int? OtherPort { get; init; }

    /// <summary>What its environment has beside ours.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public string Http => $"http://127.0.0.1:{_httpPort.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Waits until all replicas of what it leads are in sync.</summary>
    public async Task WaitUntilReplicatedAsync()
    {
        using var http = new HttpClient();
        await Eventually.AnswersAsync(
            () => http.GetStringAsync(Http + "/health/cluster"), health => health.Contains("under-replicated 0", StringComparison.Ordinal));
    }

    protected override IReadOnlyDictionary<string, string> Variables => Environment;

    protected override IEnumerable<string> Arguments =>
    [
        .. cluster is null ? Array.Empty<string>() : ["--cluster", cluster],
        "--node-id", nodeId.ToString(CultureInfo.InvariantCulture), "--data", OtherDirectory ?? DataDirectory,
        "--listen", $"127.0.0.1:{OtherPort ?? Port}", "--advertise", Bootstrap, "--http", $"127.0.0.1:{_httpPort}",
        "--silo-port", _siloPort.ToString(CultureInfo.InvariantCulture),
        "--gateway-port", GatewayPort.ToString(CultureInfo.InvariantCulture),
        "--set", "offsets.topic.num.partitions=6",
        .. extraArguments,
    ];
}
