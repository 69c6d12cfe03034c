using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Log;
using Loire.Tests.Standalone;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A broker among others whose disk is full.</summary>
public sealed class FullDiskTests
{
    private const int SegmentBytes = 1 << 18;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_others_go_on_without_it_and_it_catches_up_when_it_is_started_with_room(bool leads)
    {
        using var disk = SmallDisk.TryMount(sizeMegabytes: 2, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        await using var cluster = await TestCluster.StartAsync(3, ("replica.lag.time.max.ms", "1000"));
        var full = await HaveStoreAsync(cluster, () => LogStore.Open(Options(Path.Combine(disk.Directory, "data"))));
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await cluster.MoveLeadAsync(topic, leads ? full : cluster[1]);
        disk.Fill();
        await WriteUntilRefusedAsync(cluster, topic, ledger, full);

        await full.KillAsync();
        await cluster.NoticeAsync(full);
        disk.Grow(sizeMegabytes: 100);
        await full.StartAsync(Token);
        await cluster.MoveLeadAsync(topic, full);
        await ledger.WriteAsync(20);
        await ledger.ProveAsync();
    }

    [Fact]
    public async Task Given_room_it_leads_again_without_a_restart_as_often_as_it_was_full()
    {
        await using var cluster = await TestCluster.StartAsync(
            3, ("replica.lag.time.max.ms", "1000"), ("leader.imbalance.check.interval.seconds", "1"));
        FaultyFiles files = null!;
        var full = await HaveStoreAsync(cluster, () => LogStore.Open(Options(cluster[3].DataDirectory) with
        {
            CreateFiles = (path, geometry, logger) => files = new FaultyFiles(path, geometry, logger),
        }));
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await cluster.MoveLeadAsync(topic, full);
        for (var turn = 0; turn < 2; turn++)
        {
            var epoch = cluster.State(topic).LeaderEpoch;
            files.FailAllocationsFrom = 0;
            await WriteUntilRefusedAsync(cluster, topic, ledger, full);

            files.FailAllocationsFrom = int.MaxValue;
            await Eventually.IsTrueAsync(() => cluster.LeaderOf(topic) == full, "it leads what it is the preferred leader of");
            cluster.State(topic).LeaderEpoch.Value.ShouldBeGreaterThan(epoch.Value + 1, "another led meanwhile");
            full.Broker!.Health.Reason.ShouldBeNull();
            await ledger.WriteAsync(20);
            cluster.LeaderOf(topic).ShouldBe(full);
        }

        await ledger.ProveAsync();
    }

    private static async Task<TestBroker> HaveStoreAsync(TestCluster cluster, Func<ILogStore> open)
    {
        var broker = cluster[3];
        await broker.KillAsync();
        await cluster.NoticeAsync(broker);
        broker.LoseDirectory();
        broker.OpenStore = open;
        await broker.StartAsync(Token);
        return broker;
    }

    private static async Task WriteUntilRefusedAsync(TestCluster cluster, TopicName topic, Ledger ledger, TestBroker full)
    {
        while (full.Store.Failure is null) await ledger.WriteAsync(100);
        await Eventually.IsTrueAsync(
            () => cluster.LeaderOf(topic) != full && !cluster.State(topic).InSync.Contains(full.Node), "it neither leads nor is in sync");
        await ledger.WriteAsync(20);
        full.Broker!.Health.Reason.ShouldNotBeNull().ShouldContain("No space");
    }

    private static LogStoreOptions Options(string directory) => new()
    {
        DataDirectory = directory,
        SegmentBytes = SegmentBytes,
        MemoryBytes = SegmentBytes,
        MaxBatchBytes = SegmentBytes / 8,
    };
}
