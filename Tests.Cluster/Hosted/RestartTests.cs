using Loire.Cluster;
using Loire.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Brokers stop and come back, one by one or all together, with or without what they stored.</summary>
[Collection(nameof(HostedClusters))]
public sealed class RestartTests
{
    private const string Topic = "stays";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cluster_that_stopped_as_a_whole_comes_back_with_everything()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, configs: ("retention.ms", "7200000"));
        await using (var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled))
        {
            await load.VerifyAsync(Cancelled);
        }

        var before = await ReadAsync(cluster);
        var topic = cluster.Find(Topic)!;
        await Task.WhenAll(cluster.Brokers.Select(cluster.StopAsync));
        await cluster.StartAsync([.. cluster.Brokers]);

        (await ReadAsync(cluster)).ShouldBe(before);
        cluster.Find(Topic)!.Id.ShouldBe(topic.Id);
        cluster.Find(Topic)!.ConfigOverrides["retention.ms"].ShouldBe("7200000");
        await using var more = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
    }

    [Fact]
    public async Task A_rolling_restart_moves_each_leadership_before_its_broker_leaves()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 6);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        foreach (var broker in cluster.Brokers)
        {
            await cluster.UntilInSyncAsync(Topic, Cancelled);
            var node = new NodeId(broker.NodeId);
            cluster.Find(Topic)!.Control.Partitions.ShouldContain(partition => partition.Leader == node, "there is something to move");
            var view = cluster.Brokers.First(other => other != broker).Services.GetRequiredService<ClusterView>();
            var watch = new LeadershipWatch(view, node);
            view.Subscribe(watch);
            await cluster.StopAsync(broker);
            (await watch.LedAtTheEnd.WaitAsync(Eventually.Patience, Cancelled)).ShouldBeEmpty();
            await load.UntilProgressAsync(Cancelled);
            await cluster.StartAsync(broker);
            await load.UntilProgressAsync(Cancelled);
        }

        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task A_silo_that_is_cut_off_from_the_store_stops_in_time()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var broker = cluster.LeaderOf(Topic);
        broker.Store.IsCut = true;
        await cluster.StopAsync(broker).WaitAsync(Eventually.Patience, Cancelled);
        await load.UntilProgressAsync(Cancelled);
        await cluster.StartAsync(broker);
        await load.VerifyAsync(Cancelled);
    }

    [Fact]
    public async Task A_broker_that_lost_its_data_directory_fetches_everything_again()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled);
        await using var load = await NumberedLoad.StartAsync(cluster, Topic, Cancelled);
        var broker = cluster.LeaderOf(Topic);
        await cluster.KillAsync(broker);
        broker.LoseData();
        await load.UntilProgressAsync(Cancelled);
        await cluster.StartAsync(broker);
        await load.UntilProgressAsync(Cancelled);
        await load.VerifyAsync(Cancelled);
    }

    private static async Task<List<StoredRecord>> ReadAsync(LoireTestCluster cluster)
    {
        var records = new List<StoredRecord>();
        for (var partition = 0; partition < 3; partition++)
            records.AddRange(await StoredLog.AgreedAsync(cluster, Topic, partition, Cancelled));
        return records;
    }
}
