using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Tests.Broker.Handlers;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class RetentionDriverTests
{
    [Fact]
    public async Task Every_interval_all_partitions_drop_what_has_expired()
    {
        var time = new FakeTime();
        var path = new DataPath(time: time).With("orders", partitions: 2, TopicConfig.Default with { RetentionMs = 500 });
        await path.AppendAsync("orders", partition: 0);
        await path.AppendAsync("orders", partition: 1);
        var walks = new SemaphoreSlim(0);
        await using var driver = new RetentionDriver(
            () => Walk(path, walks),
            new FixedBrokerConfigs(BrokerConfig.Default with { RetentionCheckIntervalMs = 1_000 }),
            time,
            NullLogger<RetentionDriver>.Instance);

        time.AdvanceMs(1_000);
        await walks.WaitAsync(TestContext.Current.CancellationToken);
        path.Replica("orders", 0).LogStartOffset.ShouldBe(new Offset(1));
        path.Replica("orders", 1).LogStartOffset.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task The_longest_interval_keeps_no_broker_from_starting()
    {
        await using var driver = new RetentionDriver(
            () => [],
            new FixedBrokerConfigs(BrokerConfig.Default with { RetentionCheckIntervalMs = long.MaxValue }),
            TimeProvider.System,
            NullLogger<RetentionDriver>.Instance);
    }

    /// <summary>Says when the driver has gone through all of them.</summary>
    private static IEnumerable<PartitionReplica> Walk(DataPath path, SemaphoreSlim done)
    {
        foreach (var replica in path.Partitions.Replicas) yield return replica;
        done.Release();
    }
}
