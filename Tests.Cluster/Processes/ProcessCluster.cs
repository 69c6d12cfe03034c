using System.Globalization;
using Loire.Bench.Processes;
using Loire.Tests.Cluster.Postgres;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>Three silos and their PostgreSQL, as processes.</summary>
internal sealed class ProcessCluster : IAsyncDisposable
{
    private static readonly string[] Replicated =
    [
        "--set", "num.partitions=6", "--set", "default.replication.factor=3", "--set", "min.insync.replicas=2",
        "--set", "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
    ];

    private ProcessCluster(PrivatePostgres postgres)
    {
        Postgres = postgres;
        Silos = [.. Enumerable.Range(1, 3).Select(node => new SiloProcess(
            postgres.Address, node, [.. Replicated, "--rack", RackOf(node)]) { GatewayPort = LoopbackPort.Free() })];
    }

    public PrivatePostgres Postgres { get; }
    public SiloProcess[] Silos { get; }
    public string Bootstrap => string.Join(',', Silos.Select(silo => silo.Bootstrap));

    /// <summary>Each broker has a rack of its own.</summary>
    public static string RackOf(int nodeId) => $"rack-{nodeId.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Skips the test where PostgreSQL is not installed.</summary>
    public static async Task<ProcessCluster> StartAsync()
    {
        var postgres = PrivatePostgres.TryStart(out var whyNot);
        if (postgres is null) Assert.Skip(whyNot);
        var cluster = new ProcessCluster(postgres);
        try
        {
            await Task.WhenAll(cluster.Silos.Select(silo => silo.StartAgainAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in Silos) await silo.DisposeAsync();
        Postgres.Dispose();
    }
}
