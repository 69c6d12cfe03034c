using System.Buffers;
using Loire.Broker.Control;
using Loire.Broker.Handlers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Partitions;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>ListOffsets, OffsetForLeaderEpoch, DeleteRecords and InitProducerId.</summary>
public sealed class OffsetHandlersTests
{
    private readonly FakeTime _time = new();
    private readonly DataPath _path;

    public OffsetHandlersTests() => _path = new DataPath(time: _time).With("orders", leaderEpoch: 2);

    private ListOffsetsHandler ListOffsets => new(_path.Partitions, NullLogger<ListOffsetsHandler>.Instance);

    public static TheoryData<int> ListOffsetsVersions => [.. Enumerable.Range(1, 11)];

    [Theory]
    [MemberData(nameof(ListOffsetsVersions))]
    public async Task Latest_is_the_high_watermark(int version)
    {
        await _path.AppendAsync("orders", records: 3);
        var answer = await ListAsync(-1, version);
        answer.ErrorCode.ShouldBe(ErrorCode.None);
        answer.Offset.ShouldBe(new Offset(3));
        answer.Timestamp.ShouldBe(-1);
        answer.LeaderEpoch.ShouldBe(new LeaderEpoch(version >= 4 ? 2 : -1));
    }

    [Theory]
    [InlineData(4, ErrorCode.LeaderNotAvailable)]
    [InlineData(5, ErrorCode.OffsetNotAvailable)]
    public async Task A_leader_that_does_not_know_the_high_watermark_tells_only_the_start(int version, ErrorCode expected)
    {
        _path.Store.HoldDurability = true;
        var replica = _path.Partitions.Find(new TopicName("orders"), new PartitionIndex(0)).Replica!;
        var batch = new ReadOnlySequence<byte>(Batches.Bytes(timestampMs: -1));
        await replica.AppendAsync(batch, RequiredAcks.Leader, null, slot: 0, TestContext.Current.CancellationToken);
        replica.Apply(PartitionState.Sole(DataPath.Self, new LeaderEpoch(3)) with { PartitionEpoch = 1 });
        (await ListAsync(-1, version)).ErrorCode.ShouldBe(expected);
        (await ListAsync(-2, version)).ErrorCode.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task Version_0_has_a_list()
    {
        await _path.AppendAsync("orders", records: 3);
        (await ListAsync(-1, 0, maxNumOffsets: 5)).OldStyleOffsets.ShouldBe([new Offset(3), Offset.Zero]);
        (await ListAsync(-1, 0, maxNumOffsets: 1)).OldStyleOffsets.ShouldBe([new Offset(3)]);
        (await ListAsync(-2, 0, maxNumOffsets: 5)).OldStyleOffsets.ShouldBe([Offset.Zero]);
    }

    [Theory]
    [InlineData(-2, 1)]
    [InlineData(-4, 8)]
    public async Task Earliest_is_the_log_start(long timestamp, int version)
    {
        await _path.AppendAsync("orders", records: 3);
        await _path.AppendAsync("orders", records: 3);
        (await DeleteAsync("orders", 3)).LowWatermark.ShouldBe(new Offset(3));
        (await ListAsync(timestamp, version)).Offset.ShouldBe(new Offset(3));
    }

    [Fact]
    public async Task By_timestamp_and_the_largest_one()
    {
        await _path.AppendAsync("orders", records: 2);
        _time.AdvanceMs(1_000);
        await _path.AppendAsync("orders", records: 2);
        var found = await ListAsync(_time.NowMs - 500, 7);
        found.Offset.ShouldBe(new Offset(2));
        found.Timestamp.ShouldBe(_time.NowMs);
        (await ListAsync(-3, 7)).Timestamp.ShouldBe(_time.NowMs);
        (await ListAsync(_time.NowMs + 1, 7)).Offset.ShouldBe(Offset.None);
    }

    [Theory]
    [InlineData(-3, 6)]
    [InlineData(-4, 7)]
    [InlineData(-5, 8)]
    [InlineData(-6, 10)]
    [InlineData(-7, 11)]
    public async Task Questions_newer_than_the_version_are_refused(long timestamp, int version) =>
        (await ListAsync(timestamp, version)).ErrorCode.ShouldBe(ErrorCode.UnsupportedVersion);

    [Fact]
    public async Task A_partition_named_twice_is_refused_and_the_others_are_answered()
    {
        _path.With("payments");
        await _path.AppendAsync("payments", records: 2);
        ListOffsetsRequest.ListOffsetsTopic Ask(string name) =>
            new() { Name = new TopicName(name), Partitions = [new() { Timestamp = -1 }] };
        var request = new ListOffsetsRequest { Topics = [Ask("orders"), Ask("payments"), Ask("orders")] };
        var answers = (await ListOffsets.HandleAsync(DataPath.Context(7), request)).Topics.Select(topic => topic.Partitions.Single());
        answers.Select(answer => (answer.ErrorCode, answer.Offset.Value)).ShouldBe(
            [(ErrorCode.InvalidRequest, -1), (ErrorCode.None, 2), (ErrorCode.InvalidRequest, -1)]);
    }

    [Fact]
    public async Task Nothing_is_looked_up_for_a_client_that_is_gone()
    {
        var request = new ListOffsetsRequest
        {
            Topics = [new() { Name = new TopicName("orders"), Partitions = [new() { Timestamp = -1 }] }],
        };
        var gone = DataPath.Context(7) with { Aborted = new CancellationToken(canceled: true) };
        await Should.ThrowAsync<OperationCanceledException>(async () => await ListOffsets.HandleAsync(gone, request));
    }

    [Fact]
    public async Task There_is_no_tier()
    {
        await _path.AppendAsync("orders");
        (await ListAsync(-5, 9)).Offset.ShouldBe(Offset.None);
        (await ListAsync(-6, 11)).Offset.ShouldBe(Offset.None);
    }

    [Theory]
    [InlineData(1, ErrorCode.FencedLeaderEpoch)]
    [InlineData(3, ErrorCode.UnknownLeaderEpoch)]
    public async Task Leader_epochs_are_compared(int epoch, ErrorCode expected) =>
        (await ListAsync(-1, 4, leaderEpoch: epoch)).ErrorCode.ShouldBe(expected);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task The_end_of_the_leaders_epoch_is_the_log_end(int version)
    {
        await _path.AppendAsync("orders", records: 3);
        var topic = new OffsetForLeaderEpochRequest.OffsetForLeaderTopic { Topic = new TopicName("orders") };
        foreach (var epoch in new[] { 2, 3 }) topic.Partitions.Add(new() { LeaderEpoch = new LeaderEpoch(epoch) });
        topic.Partitions.Add(new() { Partition = new PartitionIndex(7) });
        var response = DataPath.RoundTrip(
            await new OffsetForLeaderEpochHandler(_path.Partitions).HandleAsync(
                DataPath.Context(version), new OffsetForLeaderEpochRequest { Topics = [topic] }),
            version);
        var answers = response.Topics.Single().Partitions;
        answers.Select(answer => answer.EndOffset.Value).ShouldBe([3, -1, -1]);
        answers[2].ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);
        if (version >= 1) answers[0].LeaderEpoch.ShouldBe(new LeaderEpoch(2));
    }

    [Fact]
    public async Task Records_are_deleted_up_to_the_high_watermark_and_no_further()
    {
        await _path.AppendAsync("orders", records: 3);
        (await DeleteAsync("orders", 4)).ErrorCode.ShouldBe(ErrorCode.OffsetOutOfRange);
        (await DeleteAsync("orders", -2)).ErrorCode.ShouldBe(ErrorCode.OffsetOutOfRange);
        (await DeleteAsync("orders", -1)).LowWatermark.ShouldBe(new Offset(3));
        (await DeleteAsync("orders", 1)).LowWatermark.ShouldBe(new Offset(3));
        (await DeleteAsync("nosuch", 1)).ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);
    }

    [Fact]
    public async Task Topics_that_only_compact_and_internal_ones_keep_their_records()
    {
        _path.With("compacted", config: TopicConfig.Default with { Compact = true, Delete = false }).With("__consumer_offsets");
        (await DeleteAsync("compacted", 0)).ErrorCode.ShouldBe(ErrorCode.PolicyViolation);
        (await DeleteAsync("__consumer_offsets", 0)).ErrorCode.ShouldBe(ErrorCode.InvalidTopicException);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Idempotent_producers_get_an_id_of_their_own(int version)
    {
        var handler = new InitProducerIdHandler(new Counter());
        var first = await InitAsync(handler, new InitProducerIdRequest { TransactionalId = null }, version);
        first.ErrorCode.ShouldBe(ErrorCode.None);
        first.ProducerEpoch.ShouldBe((short)0);
        var known = new InitProducerIdRequest { TransactionalId = null, ProducerId = first.ProducerId, ProducerEpoch = 0 };
        (await InitAsync(handler, known, version)).ProducerId.ShouldNotBe(first.ProducerId);
    }

    [Theory]
    [InlineData(5, -1)]
    [InlineData(-1, 3)]
    public async Task Half_of_an_idempotent_producers_identity_is_refused(long producerId, short epoch)
    {
        var request = new InitProducerIdRequest
        {
            TransactionalId = null,
            ProducerId = new ProducerId(producerId),
            ProducerEpoch = epoch,
        };
        var response = await InitAsync(new InitProducerIdHandler(new Counter()), request, version: 3);
        response.ErrorCode.ShouldBe(ErrorCode.InvalidRequest);
        response.ProducerId.ShouldBe(ProducerId.None);
    }

    [Theory]
    [InlineData("payments", ErrorCode.UnsupportedVersion)]
    [InlineData("", ErrorCode.InvalidRequest)]
    public async Task Transactional_producers_are_refused(string transactionalId, ErrorCode expected)
    {
        var request = new InitProducerIdRequest { TransactionalId = new TransactionalId(transactionalId) };
        var response = await InitAsync(new InitProducerIdHandler(new Counter()), request, version: 5);
        response.ErrorCode.ShouldBe(expected);
        response.ProducerId.ShouldBe(ProducerId.None);
    }

    private static async Task<InitProducerIdResponse> InitAsync(
        InitProducerIdHandler handler, InitProducerIdRequest request, int version) =>
        DataPath.RoundTrip(await handler.HandleAsync(DataPath.Context(version), request), version);

    private async Task<ListOffsetsResponse.ListOffsetsPartitionResponse> ListAsync(
        long timestamp, int version, int maxNumOffsets = 1, int leaderEpoch = -1)
    {
        var topic = new ListOffsetsRequest.ListOffsetsTopic { Name = new TopicName("orders") };
        topic.Partitions.Add(new()
        {
            Timestamp = timestamp,
            MaxNumOffsets = maxNumOffsets,
            CurrentLeaderEpoch = new LeaderEpoch(leaderEpoch),
        });
        var response = await ListOffsets.HandleAsync(DataPath.Context(version), new ListOffsetsRequest { Topics = [topic] });
        return DataPath.RoundTrip(response, version).Topics.Single().Partitions.Single();
    }

    private async Task<DeleteRecordsResponse.DeleteRecordsPartitionResult> DeleteAsync(string topic, long offset)
    {
        var asked = new DeleteRecordsRequest.DeleteRecordsTopic { Name = new TopicName(topic) };
        asked.Partitions.Add(new() { Offset = new Offset(offset) });
        var response = await new DeleteRecordsHandler(_path.Partitions).HandleAsync(
            DataPath.Context(2), new DeleteRecordsRequest { Topics = [asked] });
        return DataPath.RoundTrip(response, 2).Topics.Single().Partitions.Single();
    }

    private sealed class Counter : IProducerIds
    {
        private long _next;

        public ValueTask<ProducerId> NextAsync(CancellationToken cancellationToken) => new(new ProducerId(_next++));
    }
}
