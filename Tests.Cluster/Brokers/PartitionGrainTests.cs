using Loire.Broker.Ports;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Loire.Tests.Cluster.Hosted;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>Records through the grains of three brokers.</summary>
[Collection(nameof(HostedClusters))]
public sealed class PartitionGrainTests : IAsyncLifetime
{
    private const int All = -1;

    private LoireTestCluster _cluster = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _cluster = await LoireTestCluster.StartAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Records_are_appended_read_found_and_waited_for()
    {
        var topic = await CreateAsync(2);
        var partition = _cluster.Orleans.Partition("orders", 1);
        (await AppendAsync(partition, "a", timestampMs: 1_000)).BaseOffset.ShouldBe(0);
        (await AppendAsync(partition, "b", timestampMs: 2_000)).BaseOffset.ShouldBe(1);
        var offsets = await partition.GetOffsetsAsync();
        offsets.ShouldBe(new PartitionOffsets(0, 0, 2, 2, offsets.LeaderEpoch));
        (await ReadAsync(partition, 0)).ShouldBe(["a", "b"]);
        (await partition.FindOffsetAsync(1_500)).ShouldBe(new FoundOffset(0, 1, 2_000));
        (await partition.FindOffsetAsync(9_000)).Offset.ShouldBe(-1);
        var outside = await partition.ReadAsync(new ReadRequest(7, 1_000, 0, false));
        (outside.Error, outside.TopicId).ShouldBe(((short)ErrorCode.OffsetOutOfRange, topic.Id));

        // One read waits while many records are appended through the same grain.
        var waiting = partition.ReadAsync(new ReadRequest(2, 1_000, 20_000, false));
        var appends = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => AppendAsync(partition, "c" + i, 3_000)));
        appends.Select(append => append.BaseOffset).Order().ShouldBe(Enumerable.Range(2, 20).Select(offset => (long)offset));
        (await waiting).NextOffset.ShouldBeGreaterThan(2);
        (await waiting).TopicId.ShouldBe(topic.Id);
    }

    [Fact]
    public async Task What_is_no_batch_is_refused_and_nothing_lost()
    {
        await CreateAsync(1);
        var partition = _cluster.Orleans.Partition("orders", 0);
        await AppendAsync(partition, "a", 1_000);
        var damaged = Batch("b", 1_000);
        damaged[^1] ^= 1;
        (await partition.AppendAsync(new AppendRequest(damaged, All))).Error.ShouldBe((short)ErrorCode.CorruptMessage);
        (await partition.AppendAsync(new AppendRequest(new byte[10], All))).Error.ShouldBe((short)ErrorCode.InvalidRecord);
        (await partition.AppendAsync(new AppendRequest(default, All))).Error.ShouldNotBe((short)ErrorCode.None);
        (await _cluster.Orleans.Partition("__consumer_offsets", 0).AppendAsync(new AppendRequest(damaged, All))).Error
            .ShouldNotBe((short)ErrorCode.None);
        (await ReadAsync(partition, 0)).ShouldBe(["a"]);
    }

    [Fact]
    public async Task One_broker_alone_leads_each_partition()
    {
        var topic = await CreateAsync(6);
        foreach (var partition in topic.Partitions)
        {
            var leaders = new[] { 1, 2, 3 }.Where(node => _cluster[node].Services
                .GetRequiredService<IPartitionDirectory>()
                .Find(new TopicName("orders"), new PartitionIndex(partition.Index)).Replica is not null);
            leaders.ShouldBe([partition.Leader]);
        }
    }

    [Fact]
    public async Task When_the_leader_is_killed_another_goes_on_with_all_that_was_acknowledged()
    {
        var topic = await CreateAsync(1);
        var partition = _cluster.Orleans.Partition("orders", 0);
        var acknowledged = new List<string>();
        for (var i = 0; i < 10; i++) acknowledged.Add(await AppendUntilTakenAsync(partition, "before-" + i));

        await _cluster.KillAsync(_cluster[topic.Partitions[0].Leader]);
        for (var i = 0; i < 10; i++) acknowledged.Add(await AppendUntilTakenAsync(partition, "after-" + i));
        (await ReadAsync(partition, 0)).Distinct().ShouldBe(acknowledged);
        var now = (await _cluster.Orleans.GetGrain<ITopicGrain>("orders").DescribeAsync())!.Partitions[0];
        now.Leader.ShouldNotBe(topic.Partitions[0].Leader);
        now.LeaderEpoch.ShouldBeGreaterThan(topic.Partitions[0].LeaderEpoch);
    }

    private async Task<TopicDescription> CreateAsync(int partitions)
    {
        await _cluster.CreateTopicAsync("orders", Cancelled, partitions);
        return (await _cluster.Orleans.GetGrain<ITopicGrain>("orders").DescribeAsync())!;
    }

    private static byte[] Batch(string value, long timestampMs) => TestBatch.Of(value, timestampMs);

    private static async Task<AppendAnswer> AppendAsync(IPartitionGrain partition, string value, long timestampMs)
    {
        var answer = await partition.AppendAsync(new AppendRequest(Batch(value, timestampMs), All));
        answer.Error.ShouldBe((short)ErrorCode.None, answer.Message);
        return answer;
    }

    /// <summary>As a producer does: what was not acknowledged is sent again.</summary>
    private static async Task<string> AppendUntilTakenAsync(IPartitionGrain partition, string value)
    {
        await GrainCalls.AnswerAsync(
            () => partition.AppendAsync(new AppendRequest(Batch(value, 1_000), All)), answer => answer.Error == 0, $"{value} is taken");
        return value;
    }

    private static async Task<List<string>> ReadAsync(IPartitionGrain partition, long offset)
    {
        var values = new List<string>();
        while (true)
        {
            var answer = await GrainCalls.AnswerAsync(
                () => partition.ReadAsync(new ReadRequest(offset, 1 << 20, 0, false)),
                answer => answer.Error != (short)ErrorCode.OffsetNotAvailable,
                "the leader knows how far it may be read");
            answer.Error.ShouldBe((short)ErrorCode.None);
            if (answer.Batches.IsEmpty) return values;
            values.AddRange(TestBatch.Values(answer.Batches));
            offset = answer.NextOffset;
        }
    }
}
