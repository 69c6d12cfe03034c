using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Tests.Broker.Partitions;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Replication;

/// <summary>Replicas over real logs and sockets.</summary>
public sealed class ReplicaFetcherTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Followers_catch_up_and_learn_the_high_watermark()
    {
        await using var partition = await ReplicatedPartition.StartAsync(replicas: 3);
        await partition.ProduceAsync(broker: 1, records: 20, Token);
        foreach (var follower in new[] { 2, 3 })
        {
            await partition.UntilEndIsAsync(follower, 20);
            await partition.UntilHighWatermarkIsAsync(follower, 20);
            partition[follower].Replica.EpochAt(new Offset(19)).ShouldBe(LeaderEpoch.Zero);
        }
    }

    [Fact]
    public async Task A_follower_cuts_what_the_new_leader_lacks()
    {
        await using var partition = await ReplicatedPartition.StartAsync(replicas: 2);
        await partition.ProduceAsync(broker: 1, records: 5, Token);
        await partition.UntilHighWatermarkIsAsync(2, 5);

        await partition[2].DisposeAsync();
        for (var i = 0; i < 3; i++) await AppendAsync(partition, broker: 1);

        // Elected while it is down: it is not to fetch from the old leader first.
        partition.Elect(2, inSync: 2);
        await partition.StartAsync(2);
        await partition.ProduceAsync(broker: 2, records: 1, Token);

        await partition.UntilHighWatermarkIsAsync(1, 6);
        partition[1].Replica.LogEndOffset.ShouldBe(new Offset(6));
        partition[1].Replica.EpochAt(new Offset(5)).ShouldBe(new LeaderEpoch(1));
        await Eventually.IsTrueAsync(() => partition.State.InSync.Length == 2, state: () => "1 did not join again");
    }

    [Fact]
    public async Task A_restarted_leader_is_found_at_its_new_address()
    {
        await using var partition = await ReplicatedPartition.StartAsync(replicas: 2);
        await partition.ProduceAsync(broker: 1, records: 3, Token);
        await partition.UntilHighWatermarkIsAsync(2, 3);
        await partition[1].DisposeAsync();
        await partition.StartAsync(1);
        partition.Elect(1, inSync: [1, 2]);
        await partition.ProduceAsync(broker: 1, records: 3, Token);
        await partition.UntilHighWatermarkIsAsync(2, 6);
        partition[2].LogLines.Count(line => line.StartsWith("Cannot fetch", StringComparison.Ordinal)).ShouldBeLessThanOrEqualTo(1);
    }

    [Fact]
    public async Task A_restarted_follower_goes_on_from_its_log()
    {
        await using var partition = await ReplicatedPartition.StartAsync(replicas: 2);
        await partition.ProduceAsync(broker: 1, records: 3, Token);
        await partition.UntilHighWatermarkIsAsync(2, 3);
        await partition[2].DisposeAsync();
        partition.Elect(1, inSync: 1);
        await partition.ProduceAsync(broker: 1, records: 3, Token);
        await partition.StartAsync(2);
        partition[2].Replica.LogEndOffset.ShouldBeGreaterThanOrEqualTo(new Offset(3));
        await partition.UntilHighWatermarkIsAsync(2, 6);
        await Eventually.IsTrueAsync(() => partition.State.InSync.Length == 2, state: () => "2 did not join again");
    }

    [Fact]
    public async Task A_follower_that_the_log_start_left_behind_starts_anew_there()
    {
        await using var partition = await ReplicatedPartition.StartAsync(replicas: 2);
        await partition.ProduceAsync(broker: 1, records: 3, Token);
        await partition.UntilHighWatermarkIsAsync(2, 3);
        await partition[2].DisposeAsync();
        partition.Elect(1, inSync: 1);
        (await partition[1].Replica.AppendAndCommitAsync(Batches.Bytes(records: 5), Token)).Error.ShouldBe(ErrorCode.None);
        partition[1].Replica.DeleteRecords(new Offset(6)).LogStart.ShouldBe(new Offset(6));

        await partition.StartAsync(2);
        await partition.UntilHighWatermarkIsAsync(2, 8);
        partition[2].Replica.LogStartOffset.ShouldBe(new Offset(6));
        await Eventually.IsTrueAsync(() => partition.State.InSync.Length == 2, state: () => "2 did not join again");
    }

    [Fact]
    public async Task Many_records_come_over_in_many_answers()
    {
        await using var partition = await ReplicatedPartition.StartAsync(
            replicas: 2, new() { ReplicaFetchMaxBytes = 1_000, ReplicaFetchResponseMaxBytes = 1_000, SelectsReplicaByRack = true });
        await partition[2].DisposeAsync();
        partition.Elect(1, inSync: 1);
        for (var i = 0; i < 50; i++)
        {
            var result = await partition[1].Replica.AppendAndCommitAsync(Batches.Bytes(records: 3, valueSize: 300), Token);
            result.Error.ShouldBe(ErrorCode.None);
        }

        await partition.StartAsync(2);
        await partition.UntilHighWatermarkIsAsync(2, 150);
        var sent = ReadAll(partition[1].Replica);
        partition.Elect(2, inSync: [1, 2]);
        await Eventually.IsTrueAsync(() => partition[2].Replica.KnowsHighWatermark, state: () => "2 does not lead");
        ReadAll(partition[2].Replica).ShouldBe(sent);
    }

    private static async Task AppendAsync(ReplicatedPartition partition, int broker)
    {
        var batch = new ReadOnlySequence<byte>(Batches.Bytes());
        var result = await partition[broker].Replica.AppendAsync(batch, RequiredAcks.Leader, listener: null, slot: 0, Token);
        result.Error.ShouldBe(ErrorCode.None);
    }

    private static byte[] ReadAll(PartitionReplica leader)
    {
        var read = leader.Read(Offset.Zero, int.MaxValue, atLeastOne: true, ReadIsolation.Uncommitted);
        read.NextOffset.ShouldBe(leader.LogEndOffset);
        var output = new ArrayBufferWriter<byte>();
        read.Records!.CopyTo(output);
        read.Records.Release();
        return output.WrittenSpan.ToArray();
    }
}
