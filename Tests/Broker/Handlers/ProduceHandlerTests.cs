using System.Buffers;
using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Broker.Partitions;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

public sealed class ProduceHandlerTests
{
    private readonly FakeTime _time = new();
    private readonly FakeLogStore _store = new();
    private readonly DataPath _path;

    public ProduceHandlerTests() => _path = new DataPath(_store, _time).With("orders", partitions: 3);

    public static TheoryData<int> Versions => [.. Enumerable.Range(3, 11)];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Every_version_gets_the_base_offset(int version)
    {
        await _path.AppendAsync("orders", records: 4);
        var answer = await _path.ProduceAsync("orders", Batch(), version);
        answer.ErrorCode.ShouldBe(ErrorCode.None);
        answer.BaseOffset.ShouldBe(new Offset(4));
        answer.LogAppendTimeMs.ShouldBe(-1);
        if (version >= 5) answer.LogStartOffset.ShouldBe(Offset.Zero);
    }

    [Fact]
    public async Task Acks_all_waits_for_the_sync_and_acks_1_does_not()
    {
        _store.HoldDurability = true;
        var all = await _path.DispatchAsync("orders", Batch(), acks: -1);
        var leader = await _path.DispatchAsync("orders", Batch(), acks: 1);
        (await leader)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(new Offset(1));
        all.IsCompleted.ShouldBeFalse();
        _store.Sync();
        (await all)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(Offset.Zero);
        _time.TimerCount.ShouldBe(0);
    }

    [Fact]
    public async Task Acks_0_has_no_answer_and_an_error_closes_the_connection()
    {
        (await await _path.DispatchAsync("orders", Batch(), acks: 0)).ShouldBeNull();
        _path.Replica("orders").LogEndOffset.ShouldBe(new Offset(1));

        var refused = await _path.DispatchAsync("nosuch", Batch(), acks: 0);
        (await Should.ThrowAsync<CloseConnectionException>(() => refused)).Message.ShouldContain("nosuch-0");
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(2)]
    public async Task Other_acks_are_refused(short acks)
    {
        (await _path.ProduceAsync("orders", Batch(), acks: acks)).ErrorCode.ShouldBe(ErrorCode.InvalidRequiredAcks);
        _path.Replica("orders").LogEndOffset.ShouldBe(Offset.Zero);
    }

    [Theory]
    [InlineData(12, ErrorCode.UnknownTopicOrPartition)]
    [InlineData(13, ErrorCode.UnknownTopicId)]
    public async Task An_unknown_topic_is_refused(int version, ErrorCode expected) =>
        (await _path.ProduceAsync("nosuch", Batch(), version)).ErrorCode.ShouldBe(expected);

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    public async Task An_unknown_partition_is_refused(int partition) =>
        (await _path.ProduceAsync("orders", Batch(), partition: partition)).ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);

    [Fact]
    public async Task A_commit_that_does_not_come_in_time_is_told()
    {
        _store.HoldDurability = true;
        var pending = await _path.DispatchAsync("orders", Batch(), timeoutMs: 500);
        _time.AdvanceMs(499);
        pending.IsCompleted.ShouldBeFalse();
        _time.AdvanceMs(1);
        (await pending)!.Responses[0].PartitionResponses[0].ErrorCode.ShouldBe(ErrorCode.RequestTimedOut);
        _store.Sync();
        _time.TimerCount.ShouldBe(0);
    }

    [Fact]
    public async Task A_failing_log_answers_with_a_storage_error()
    {
        _store.HoldDurability = true;
        var pending = await _path.DispatchAsync("orders", Batch());
        _store.Fail();
        (await pending)!.Responses[0].PartitionResponses[0].ErrorCode.ShouldBe(ErrorCode.KafkaStorageError);
        var later = await _path.ProduceAsync("orders", Batch(), acks: 1);
        later.ErrorCode.ShouldBe(ErrorCode.KafkaStorageError);
    }

    [Fact]
    public async Task One_request_over_several_partitions_is_answered_once_and_errors_stay_with_their_partition()
    {
        _store.HoldDurability = true;
        var topic = new ProduceRequest.TopicProduceData { Name = new TopicName("orders") };
        for (var index = 0; index < 4; index++)
        {
            var records = new RecordsPayload(new ReadOnlySequence<byte>(Batch()));
            topic.PartitionData.Add(new() { Index = new PartitionIndex(index), Records = records });
        }

        var request = new ProduceRequest { Acks = -1, TimeoutMs = 1_000, TopicData = [topic] };
        var pending = await _path.Produce.DispatchAsync(DataPath.Context(9), request);
        _store.Sync();
        var answers = (await pending)!.Responses.Single().PartitionResponses;
        answers.Select(answer => answer.ErrorCode).ShouldBe(
            [ErrorCode.None, ErrorCode.None, ErrorCode.None, ErrorCode.UnknownTopicOrPartition]);
    }

    [Fact]
    public async Task Deleting_a_topic_answers_who_waits()
    {
        _store.HoldDurability = true;
        var pending = await _path.DispatchAsync("orders", Batch());
        _path.Partitions.Remove(DataPath.Topic("orders", 3));
        (await pending)!.Responses[0].PartitionResponses[0].ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);
        (await _path.ProduceAsync("orders", Batch())).ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);
    }

    [Fact]
    public async Task Log_append_time_is_answered_and_stored()
    {
        _path.With("stamped", config: TopicConfig.Default with { LogAppendTime = true });
        var answer = await _path.ProduceAsync("stamped", Batches.Bytes(timestampMs: 5));
        answer.LogAppendTimeMs.ShouldBe(_path.NowMs);
    }

    [Fact]
    public async Task A_repeated_batch_gets_its_first_offset()
    {
        var batch = Batches.Bytes(records: 2, timestampMs: _path.NowMs, producerId: 9, producerEpoch: 0, sequence: 0);
        (await _path.ProduceAsync("orders", batch)).BaseOffset.ShouldBe(Offset.Zero);
        (await _path.ProduceAsync("orders", Batch())).BaseOffset.ShouldBe(new Offset(2));
        var again = await _path.ProduceAsync("orders", batch);
        again.ErrorCode.ShouldBe(ErrorCode.None);
        again.BaseOffset.ShouldBe(Offset.Zero);
        _path.Replica("orders").LogEndOffset.ShouldBe(new Offset(3));
    }

    [Fact]
    public async Task A_repeated_batch_is_not_acknowledged_before_it_is_durable()
    {
        _store.HoldDurability = true;
        var batch = Batches.Bytes(timestampMs: _path.NowMs, producerId: 9, producerEpoch: 0, sequence: 0);
        var first = await _path.DispatchAsync("orders", batch);
        var again = await _path.DispatchAsync("orders", batch);
        again.IsCompleted.ShouldBeFalse();
        _store.Sync();
        (await again)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(Offset.Zero);
        (await first)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(Offset.Zero);
    }

    [Fact]
    public async Task Zstd_needs_version_7()
    {
        var zstd = Batch();
        zstd[22] |= (byte)CompressionCodec.Zstd;
        (await _path.ProduceAsync("orders", zstd, version: 6)).ErrorCode.ShouldBe(ErrorCode.UnsupportedCompressionType);
    }

    [Fact]
    public async Task Record_errors_name_the_records()
    {
        _path.With("compacted", config: TopicConfig.Default with { Compact = true, Delete = false });
        var answer = await _path.ProduceAsync(
            "compacted", Batches.Bytes(records: 5, timestampMs: _path.NowMs, withKeys: false), version: 8);
        answer.ErrorCode.ShouldBe(ErrorCode.InvalidRecord);
        answer.RecordErrors.Select(error => error.BatchIndex).ShouldBe([0, 1, 2]);
        answer.ErrorMessage.ShouldNotBeNull();
        (await _path.ProduceAsync("compacted", Batches.Bytes(withKeys: false), version: 7)).ErrorCode.ShouldBe(ErrorCode.InvalidRecord);
    }

    [Theory]
    [InlineData("someone", ErrorCode.InvalidTopicException)]
    [InlineData("__admin_client", ErrorCode.None)]
    public async Task Internal_topics_take_records_from_admin_tools_only(string clientId, ErrorCode expected)
    {
        _path.With("__consumer_offsets");
        var answer = await await _path.DispatchAsync("__consumer_offsets", Batch(), clientId: clientId);
        answer!.Responses[0].PartitionResponses[0].ErrorCode.ShouldBe(expected);
    }

    [Fact]
    public async Task A_full_journal_holds_requests_back_and_keeps_their_order()
    {
        _store.Fill();
        var first = _path.DispatchAsync("orders", Batch(records: 2)).AsTask();
        var second = _path.DispatchAsync("orders", Batch(records: 3)).AsTask();
        first.IsCompleted.ShouldBeFalse();
        second.IsCompleted.ShouldBeFalse();
        _store.Drain();
        (await await first)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(Offset.Zero);
        (await await second)!.Responses[0].PartitionResponses[0].BaseOffset.ShouldBe(new Offset(2));
    }

    private byte[] Batch(int records = 1) => Batches.Bytes(records, timestampMs: _path.NowMs);
}
