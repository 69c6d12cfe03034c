using System.Diagnostics;
using System.Globalization;
using Loire.Bench.Load;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Bench.Processes;

/// <summary>Three silos and their PostgreSQL on this machine, with data directories that go with them.</summary>
public sealed class SiloCluster : IDisposable
{
    public const int Size = 3;
    private const short CreateTopicsVersion = 5;
    private const short MetadataVersion = 9;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _directory;
    private readonly ServerProcess[] _silos;

    private SiloCluster(string directory)
    {
        _directory = directory;
        var postgres = Postgres("start", PostgresDirectory, Text(LoopbackPort.Free()));
        _silos = [.. Enumerable.Range(1, Size).Select(node => CreateSilo(node, postgres))];
        foreach (var silo in _silos) silo.Start();
        foreach (var silo in _silos) silo.WaitUntilReady();
    }

    /// <summary>Why there can be none on this machine; null where there can.</summary>
    public static string? WhyNot =>
        !File.Exists(ServerProcess.BuiltFile("Silo", "Loire.Silo")) ? "the silo is not built: its packages could not be restored"
        : !TryPostgres(out var complaint, "find") ? complaint
        : null;

    private string PostgresDirectory => Path.Combine(_directory, "postgres");

    /// <param name="parentDirectory">The volume to measure.</param>
    public static SiloCluster Start(string parentDirectory)
    {
        var directory = Directory.CreateDirectory(Path.Combine(parentDirectory, $"loire-bench-{Path.GetRandomFileName()}"));

        // PostgreSQL may run as a user of its own, who has to get to its files.
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(directory.FullName, (UnixFileMode)0b111_101_101);
        return new SiloCluster(directory.FullName);
    }

    /// <param name="node">From 1 on.</param>
    public ServerProcess Silo(int node) => _silos[node - 1];

    /// <summary>Three replicas each; where <paramref name="leader"/> is given, all led by that broker.</summary>
    public void CreateTopic(string topic, int partitions, int? leader = null)
    {
        var created = new CreateTopicsRequest.CreatableTopic
        {
            Name = new TopicName(topic),
            NumPartitions = partitions,
            ReplicationFactor = Size,
            Configs = [new() { Name = "min.insync.replicas", Value = "2" }],
        };
        if (leader is not null)
        {
            created.NumPartitions = -1;
            created.ReplicationFactor = -1;
            created.Assignments =
            [
                .. Enumerable.Range(0, partitions).Select(index => new CreateTopicsRequest.CreatableReplicaAssignment
                {
                    PartitionIndex = new PartitionIndex(index),
                    BrokerIds = [.. Enumerable.Range(0, Size).Select(i => new NodeId(((leader.Value - 1 + i) % Size) + 1))],
                }),
            ];
        }

        using var connection = Silo(1).Connect();
        var response = connection.Call<CreateTopicsRequest, CreateTopicsResponse>(
            new CreateTopicsRequest { Topics = [created], TimeoutMs = 60_000 }, CreateTopicsVersion);
        BrokerCalls.Check(response.Topics.Single().ErrorCode, $"creating topic {topic}: {response.Topics.Single().ErrorMessage}");
        foreach (var silo in _silos) WaitUntilInSync(silo, topic, partitions);
    }

    /// <summary>The partitions as a broker knows them now.</summary>
    public static IReadOnlyList<MetadataResponse.MetadataResponsePartition> Partitions(BrokerConnection connection, string topic)
    {
        var request = new MetadataRequest { Topics = [new() { Name = new TopicName(topic) }] };
        return connection.Call<MetadataRequest, MetadataResponse>(request, MetadataVersion).Topics.Single().Partitions;
    }

    /// <summary>Waits until a broker knows of all replicas of a topic that they are in sync.</summary>
    public static void WaitUntilInSync(ServerProcess silo, string topic, int partitions)
    {
        var start = Stopwatch.GetTimestamp();
        using var connection = silo.Connect();
        while (Partitions(connection, topic) is var known
            && (known.Count < partitions || known.Any(partition => partition.IsrNodes.Count < Size)))
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
                throw new InvalidOperationException($"the replicas of {topic} were not in sync within {Patience}");
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        foreach (var silo in _silos) silo.Dispose();
        Postgres("stop", PostgresDirectory);
        Directory.Delete(_directory, recursive: true);
    }

    private ServerProcess CreateSilo(int node, string postgres)
    {
        var port = LoopbackPort.Free();
        var listen = "127.0.0.1:" + Text(port);
        var data = Directory.CreateDirectory(Path.Combine(_directory, Text(node))).FullName;
        return new ServerProcess(
            "Silo",
            [
                "--cluster", postgres, "--node-id", Text(node), "--data", data, "--listen", listen, "--http", "none",
                "--silo-port", Text(LoopbackPort.Free()), "--gateway-port", "0",
            ],
            port,
            Path.Combine(_directory, $"output-{Text(node)}.txt"));
    }

    private static string Postgres(params string[] arguments) =>
        TryPostgres(out var output, arguments) ? output : throw new InvalidOperationException(output);

    /// <param name="output">The complaint where it fails.</param>
    private static bool TryPostgres(out string output, params string[] arguments)
    {
        var start = new ProcessStartInfo(ServerProcess.BuiltFile("Silo", "private-postgres"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd().Trim();
        var complaint = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        output = process.ExitCode == 0 ? said : complaint;
        return process.ExitCode == 0;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
