using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Tests.Cli;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>A leader dies in an outage of PostgreSQL that outlasts everybody's last sign of life there.</summary>
[Collection(nameof(RealClients))]
public sealed class DatabaseOutageTests
{
    private const string Topic = "survives";

    /// <summary>IAmAliveTablePublishTimeout times NumMissedTableIAmAliveLimit: entries in the membership count as stale then.</summary>
    private static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(15);

    private readonly List<string> _acknowledged = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nobody_is_elected_while_PostgreSQL_is_away_and_who_died_meanwhile_is_replaced_afterwards()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        string[] create = ["topics", "create", Topic, "-p", "3", "-r", "2", "-c", "min.insync.replicas=1", "-b", cluster.Bootstrap];
        (await CliRun.RunAsync(create)).ExitCode.ShouldBe(0);
        var before = await DescribeAsync(cluster.Silos[0]);
        var dead = cluster.Silos[before[0].LeaderId.Value - 1];
        var heir = cluster.Silos[before[0].ReplicaNodes.Single(node => node.Value != dead.NodeId).Value - 1];
        var survivors = cluster.Silos.Where(silo => silo != dead).ToArray();
        var elsewhere = before.FindIndex(partition => !partition.ReplicaNodes.Contains(new NodeId(dead.NodeId)));
        foreach (var partition in before) await ProduceAsync(cluster, partition.PartitionIndex.Value);

        cluster.Postgres.Stop();
        await dead.KillAsync();
        var outage = Stopwatch.StartNew();
        while (outage.Elapsed < StaleAfter + TimeSpan.FromSeconds(5))
        {
            await ProduceAsync(cluster, elsewhere);
            foreach (var silo in survivors)
                (await DescribeAsync(silo)).Select(Leadership).ShouldBe(before.Select(Leadership), "nobody may be elected");
        }

        // A broker that waits for the database finds the others' signs of life stale, and must not take them for dead.
        await using var newcomer = new SiloProcess(cluster.Postgres.Address, 4);
        newcomer.Launch();
        await newcomer.WaitForLineAsync("cannot be reached");
        cluster.Postgres.StartAgain();
        await newcomer.WaitForLineAsync("is ready after");
        await Eventually.AnswersAsync(() => DescribeAsync(heir), now => now[0].LeaderId.Value == heir.NodeId);
        (await DescribeAsync(heir))[0].LeaderEpoch.Value.ShouldBeGreaterThan(before[0].LeaderEpoch.Value);
        foreach (var partition in before) await ProduceAsync(cluster, partition.PartitionIndex.Value);
        await WaitForMetricAsync(heir, "under_replicated", count => count > 0);

        // What it has not, the heir alone has: without the heir the partition has no leader.
        await heir.KillAsync();
        await dead.StartAgainAsync();
        await WaitForMetricAsync(dead, "offline", count => count > 0);
        await heir.StartAgainAsync();
        foreach (var silo in cluster.Silos)
        {
            await WaitForMetricAsync(silo, "offline", count => count == 0);
            await WaitForMetricAsync(silo, "under_replicated", count => count == 0);
        }

        var stored = await Clients.ConsumeAllAsync(cluster.Bootstrap, Topic);
        stored.Select(line => Message.Decode(line["value"])).Order().ShouldBe(_acknowledged.Order());
    }

    private async Task ProduceAsync(ProcessCluster cluster, int partition)
    {
        var value = $"m{_acknowledged.Count.ToString(CultureInfo.InvariantCulture)}";
        await Clients.ProduceAsync(
            ClientKind.Confluent, cluster.Bootstrap, Topic, [new Message(null, value, partition)], idempotent: true);
        _acknowledged.Add(value);
    }

    /// <summary>The partitions in their order, as one broker knows them.</summary>
    private static async Task<List<MetadataResponse.MetadataResponsePartition>> DescribeAsync(SiloProcess silo)
    {
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = silo.Bootstrap });
        var metadata = await client.GetMetadataAsync([new TopicName(Topic)], allowAutoTopicCreation: false, Cancelled);
        return [.. metadata.Topics.Single().Partitions.OrderBy(partition => partition.PartitionIndex.Value)];
    }

    private static (int Leader, int Epoch) Leadership(MetadataResponse.MetadataResponsePartition partition) =>
        (partition.LeaderId.Value, partition.LeaderEpoch.Value);

    private static async Task WaitForMetricAsync(SiloProcess silo, string name, Func<int, bool> isWanted)
    {
        using var http = new HttpClient();
        await Eventually.AnswersAsync(
            async () =>
            {
                var metrics = await http.GetStringAsync(silo.Http + "/metrics", Cancelled);
                var line = Regex.Match(metrics, $@"^loire_partitions_{name} (\d+)$", RegexOptions.Multiline);
                return int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture);
            },
            isWanted,
            $"loire_partitions_{name} of broker {silo.NodeId.ToString(CultureInfo.InvariantCulture)}");
    }
}
