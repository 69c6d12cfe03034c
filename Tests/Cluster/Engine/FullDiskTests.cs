using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Standalone;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A broker among others whose disk is really full.</summary>
public sealed class FullDiskTests
{
    private const int SegmentBytes = 1 << 18;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_others_go_on_without_it_and_it_catches_up_once_there_is_room(bool leads)
    {
        using var disk = SmallDisk.TryMount(sizeMegabytes: 2, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "1000"));
        var full = await HaveDiskAsync(cluster, disk);
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await cluster.MoveLeadAsync(topic, leads ? full : cluster[1]);
        await FillAsync(cluster, topic, ledger, full, disk);

        await full.KillAsync();
        await cluster.NoticeAsync(full);
        disk.Grow(sizeMegabytes: 100);
        await full.StartAsync(Token);
        await cluster.MoveLeadAsync(topic, full);
        await ledger.WriteAsync(20);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task Given_room_it_follows_again_and_says_that_it_leads_after_a_restart()
    {
        using var disk = SmallDisk.TryMount(sizeMegabytes: 2, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "1000"));
        var full = await HaveDiskAsync(cluster, disk);
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await cluster.MoveLeadAsync(topic, full);
        await FillAsync(cluster, topic, ledger, full, disk);

        disk.Grow(sizeMegabytes: 100);
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Contains(full.Node), "it is in sync again");
        full.Broker!.Health.Reason.ShouldNotBeNull().ShouldContain("restart it");
        cluster.LeaderOf(topic).ShouldNotBe(full);
        await ledger.WriteAsync(20);
        await ledger.ProveAsync();
    }

    private static async Task<TestBroker> HaveDiskAsync(TestCluster cluster, SmallDisk disk)
    {
        var broker = cluster[3];
        await broker.KillAsync();
        await cluster.NoticeAsync(broker);
        broker.RenewDirectoryId();
        broker.OpenStore = () => OpenStore(disk);
        await broker.StartAsync(Token);
        return broker;
    }

    private static async Task FillAsync(TestCluster cluster, TopicName topic, Ledger ledger, TestBroker full, SmallDisk disk)
    {
        disk.Fill();
        while (full.Store.Failure is null) await ledger.WriteAsync(100);
        await Eventually.IsTrueAsync(
            () => cluster.LeaderOf(topic) != full && !cluster.State(topic).InSync.Contains(full.Node), "it neither leads nor is in sync");
        await ledger.WriteAsync(20);
        full.Broker!.Health.Reason.ShouldNotBeNull().ShouldContain(disk.Directory);
    }

    private static LogStore OpenStore(SmallDisk disk) => LogStore.Open(new LogStoreOptions
    {
        DataDirectory = Path.Combine(disk.Directory, "data"),
        SegmentBytes = SegmentBytes,
        MemoryBytes = SegmentBytes,
        MaxBatchBytes = SegmentBytes / 8,
    });
}
