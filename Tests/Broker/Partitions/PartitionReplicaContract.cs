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

/// <summary>What a replica promises over any log: run over the one in memory and over the real one.</summary>
public abstract class PartitionReplicaContract : IAsyncLifetime
{
    private static readonly TopicIdPartition Orders =
        new(new TopicId(new Guid("00000000-0000-0000-0000-0000000000aa")), new TopicName("orders"), new PartitionIndex(0));

    private static readonly NodeId Self = new(1);
    private readonly FakeTime _time = new();
    private ILogStore _store = null!;
    private PartitionReplica _replica = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await OpenStoreAsync();
        _replica = Open();
    }

    public virtual async ValueTask DisposeAsync()
    {
        await CloseStoreAsync(_store);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_is_committed_can_be_read_back()
    {
        for (var i = 0; i < 20; i++) (await AppendAsync(records: 2, valueSize: 100)).BaseOffset.ShouldBe(new Offset(2 * i));
        _replica.HighWatermark.ShouldBe(new Offset(40));
        Offsets(Read(0)).ShouldBe(Enumerable.Range(0, 20).Select(i => 2L * i));
        Offsets(Read(21)).First().ShouldBe(20);
        Offsets(Read(40)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Reads_keep_to_their_size_but_for_the_first_batch()
    {
        for (var i = 0; i < 5; i++) await AppendAsync(valueSize: 1_000);
        Offsets(Read(0, maxBytes: 2_500)).Count.ShouldBe(2);
        Offsets(Read(0, maxBytes: 10, atLeastOne: true)).Count.ShouldBe(1);
        Offsets(Read(0, maxBytes: 10)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public async Task Offsets_outside_the_log_are_out_of_range(long offset)
    {
        await AppendAsync();
        Read(offset).Error.ShouldBe(ErrorCode.OffsetOutOfRange);
    }

    [Fact]
    public async Task Idempotent_producers_stay_so_over_a_restart()
    {
        for (var sequence = 0; sequence < 7; sequence++) (await SendAsync(sequence)).BaseOffset.ShouldBe(new Offset(sequence));
        await RestartAsync();
        (await SendAsync(6)).BaseOffset.ShouldBe(new Offset(6));
        (await SendAsync(3)).BaseOffset.ShouldBe(new Offset(3));
        (await SendAsync(8)).Error.ShouldBe(ErrorCode.OutOfOrderSequenceNumber);
        (await SendAsync(7)).BaseOffset.ShouldBe(new Offset(7));
        (await SendAsync(0, producer: 2)).BaseOffset.ShouldBe(new Offset(8));
        _replica.LogEndOffset.ShouldBe(new Offset(9));
    }

    [Fact]
    public async Task Committed_records_and_leader_epochs_survive_a_restart()
    {
        await AppendAsync(records: 3);
        await RestartAsync(epoch: 4);
        await AppendAsync(records: 2);
        _replica.HighWatermark.ShouldBe(new Offset(5));
        _replica.EndOfEpoch(LeaderEpoch.Zero).ShouldBe((LeaderEpoch.Zero, new Offset(3)));
        _replica.EndOfEpoch(new LeaderEpoch(4)).ShouldBe((new LeaderEpoch(4), new Offset(5)));
        _replica.EpochAt(new Offset(2)).ShouldBe(LeaderEpoch.Zero);
        _replica.EpochAt(new Offset(3)).ShouldBe(new LeaderEpoch(4));
        await RestartAsync(epoch: 4);
        _replica.EndOfEpoch(new LeaderEpoch(1)).ShouldBe((LeaderEpoch.Zero, new Offset(3)));
    }

    [Fact]
    public async Task Deleted_records_stay_deleted()
    {
        for (var i = 0; i < 5; i++) await AppendAsync();
        _replica.DeleteRecords(new Offset(3)).ShouldBe((ErrorCode.None, new Offset(3)));
        Read(2).Error.ShouldBe(ErrorCode.OffsetOutOfRange);
        Offsets(Read(3)).ShouldBe([3, 4]);
        await AppendAsync();
        await RestartAsync();
        _replica.LogStartOffset.ShouldBe(new Offset(3));
        _replica.DeleteRecords(null).ShouldBe((ErrorCode.None, new Offset(6)));
        _replica.LogStartOffset.ShouldBe(new Offset(6));
    }

    [Fact]
    public async Task Times_are_found()
    {
        await AppendAsync(records: 2);
        var first = _time.NowMs;
        _time.AdvanceMs(10_000);
        await AppendAsync(records: 2);
        var isolation = ReadIsolation.Uncommitted;
        _replica.FindByTimestamp(first, isolation)!.Value.Offset.ShouldBe(Offset.Zero);
        _replica.FindByTimestamp(first + 1, isolation)!.Value.Offset.ShouldBe(new Offset(2));
        _replica.FindByTimestamp(_time.NowMs + 1, isolation).ShouldBeNull();
        _replica.FindMaxTimestamp(isolation)!.Value.TimestampMs.ShouldBe(_time.NowMs);
    }

    [Fact]
    public async Task Retention_drops_old_batches_and_idle_producers()
    {
        _replica.Configure(TopicConfig.Default with { RetentionMs = 60_000 });
        await SendAsync(0);
        _time.AdvanceMs(60_001);
        await AppendAsync();
        _replica.ApplyRetention(producerIdExpirationMs: 60_000);
        _replica.LogStartOffset.ShouldBe(new Offset(1));
        (await SendAsync(5)).Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task A_topic_that_only_compacts_keeps_everything()
    {
        _replica.Configure(TopicConfig.Default with { RetentionMs = 1, Delete = false, Compact = true });
        await AppendAsync();
        _time.AdvanceMs(60_000);
        _replica.ApplyRetention(producerIdExpirationMs: long.MaxValue);
        _replica.LogStartOffset.ShouldBe(Offset.Zero);
    }

    [Fact]
    public async Task Waiting_for_a_commit_that_has_been_is_over_at_once()
    {
        var result = await AppendAsync(records: 2);
        (await _replica.WaitForCommitAsync(result.NextOffset).WaitAsync(Cancel)).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task A_closed_replica_says_why()
    {
        await AppendAsync();
        _replica.Close(ErrorCode.NotLeaderOrFollower);
        (await AppendAsync()).Error.ShouldBe(ErrorCode.NotLeaderOrFollower);
        Read(0).Error.ShouldBe(ErrorCode.NotLeaderOrFollower);
    }

    /// <summary>Opens the store that the test's earlier one left behind, or a new one.</summary>
    protected abstract ValueTask<ILogStore> OpenStoreAsync();

    protected abstract ValueTask CloseStoreAsync(ILogStore store);

    private async Task RestartAsync(int epoch = 0)
    {
        await CloseStoreAsync(_store);
        _store = await OpenStoreAsync();
        _replica = Open(epoch);
    }

    private PartitionReplica Open(int epoch = 0)
    {
        var replica = new PartitionReplica(_store, Orders, TopicConfig.Default, Self, _time);
        replica.Apply(PartitionState.Sole(Self, new LeaderEpoch(epoch)));
        return replica;
    }

    private Task<AppendResult> AppendAsync(int records = 1, int valueSize = 10) =>
        _replica.AppendAndCommitAsync(Batches.Bytes(records, valueSize, _time.NowMs), Cancel);

    private Task<AppendResult> SendAsync(int sequence, int epoch = 0, long producer = 1) => _replica.AppendAndCommitAsync(
        Batches.Bytes(timestampMs: _time.NowMs, producerId: producer, producerEpoch: (short)epoch, sequence: sequence), Cancel);

    private PartitionRead Read(long from, int maxBytes = 1 << 20, bool atLeastOne = false) =>
        _replica.Read(new Offset(from), maxBytes, atLeastOne, ReadIsolation.Uncommitted);

    /// <summary>The base offsets of the batches that were read, which are then released.</summary>
    private static List<long> Offsets(PartitionRead read)
    {
        read.Error.ShouldBe(ErrorCode.None);
        var offsets = new List<long>();
        if (read.Records is not { } records) return offsets;
        var bytes = new ArrayBufferWriter<byte>();
        records.CopyTo(bytes);
        bytes.WrittenCount.ShouldBe(records.SizeBytes);
        records.Release();
        var batches = new RecordBatchReader(new(bytes.WrittenMemory));
        while (batches.TryRead(out var header, out _)) offsets.Add(header.BaseOffset.Value);
        return offsets;
    }
}

public sealed class PartitionReplicaOverFakeLogTests : PartitionReplicaContract
{
    private FakeLogStore? _last;

    protected override ValueTask<ILogStore> OpenStoreAsync() => new(_last = _last?.Restart() ?? new FakeLogStore());

    protected override ValueTask CloseStoreAsync(ILogStore store)
    {
        // Some batches come from the checkpoint, later ones from the replay.
        ((FakeLogStore)store).Checkpoint();
        return ValueTask.CompletedTask;
    }
}
