using System.Buffers;
using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class PartitionReplicaTests
{
    private static readonly TopicIdPartition Orders = new(new TopicId(Guid.NewGuid()), new TopicName("orders"), new PartitionIndex(0));
    private readonly FakeLogStore _store = new() { HoldDurability = true };

    [Fact]
    public async Task AcksAll_is_answered_when_the_batch_is_durable()
    {
        var replica = Lead();
        var commit = replica.AppendAndCommitAsync(Batches.Bytes(timestampMs: -1), TestContext.Current.CancellationToken);
        commit.IsCompleted.ShouldBeFalse();
        replica.HighWatermark.ShouldBe(Offset.Zero);

        _store.Sync();

        var result = await commit;
        result.Error.ShouldBe(ErrorCode.None);
        result.BaseOffset.ShouldBe(Offset.Zero);
        replica.HighWatermark.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task Batches_that_inflate_to_much_are_looked_into_one_at_a_time()
    {
        var replica = Lead();
        var large = Batches.Bytes(
            valueSize: BatchIntake.FreelyInflatedBytesMax, timestampMs: -1, codec: CompressionCodec.Zstd);
        await BatchIntake.InflationTurn.WaitAsync(TestContext.Current.CancellationToken);
        var waiting = AppendAsync(replica, large);
        waiting.IsCompleted.ShouldBeFalse();
        (await AppendAsync(replica, Batches.Bytes(timestampMs: -1, codec: CompressionCodec.Zstd))).BaseOffset.ShouldBe(Offset.Zero);

        BatchIntake.InflationTurn.Release();

        (await waiting).BaseOffset.ShouldBe(new Offset(1));
    }

    private static Task<AppendResult> AppendAsync(PartitionReplica replica, byte[] batch) => replica.AppendAsync(
        new ReadOnlySequence<byte>(batch), RequiredAcks.Leader, null, slot: 0, TestContext.Current.CancellationToken).AsTask();

    private PartitionReplica Lead()
    {
        var replica = new PartitionReplica(
            _store, Orders, TopicConfig.Default, new NodeId(1), TimeProvider.System);
        replica.Apply(PartitionState.Sole(new NodeId(1), LeaderEpoch.Zero));
        return replica;
    }
}
