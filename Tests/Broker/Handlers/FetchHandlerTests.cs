using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

public sealed class FetchHandlerTests
{
    private readonly FakeTime _time = new();
    private readonly FakeLogStore _store = new();
    private readonly DataPath _path;

    public FetchHandlerTests() => _path = new DataPath(_store, _time).With("orders", partitions: 4, leaderEpoch: 5);

    public static TheoryData<int> Versions => [.. Enumerable.Range(4, 15)];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Every_version_gets_the_records(int version)
    {
        await _path.AppendAsync("orders", records: 3);
        var response = await FetchAsync(Request(version, "orders", 0), version);
        var data = response.Responses.Single().Partitions.Single();
        data.ErrorCode.ShouldBe(ErrorCode.None);
        data.HighWatermark.ShouldBe(new Offset(3));
        data.LastStableOffset.ShouldBe(new Offset(3));
        var header = RecordBatchHeader.Read(data.Records.Bytes.ToArray());
        header.RecordsCount.ShouldBe(3);
        header.PartitionLeaderEpoch.ShouldBe(new LeaderEpoch(5));
        header.NextOffset.ShouldBe(new Offset(3));
    }

    [Fact]
    public async Task A_waiting_fetch_is_woken_by_the_high_watermark()
    {
        _store.HoldDurability = true;
        var fetch = StartAsync(Request(12, "orders", 0, maxWaitMs: 60_000));
        var commit = _path.AppendAsync("orders");
        fetch.IsCompleted.ShouldBeFalse();
        _store.Sync();
        await commit;
        (await fetch).Responses.Single().Partitions.Single().HighWatermark.ShouldBe(new Offset(1));
        _time.TimerCount.ShouldBe(0);
    }

    [Fact]
    public async Task A_waiting_fetch_gives_up_when_its_time_is_over()
    {
        var fetch = StartAsync(Request(12, "orders", 0, maxWaitMs: 500));
        _time.AdvanceMs(499);
        fetch.IsCompleted.ShouldBeFalse();
        _time.AdvanceMs(1);
        (await fetch).Responses.Single().Partitions.Single().Records.SizeBytes.ShouldBe(0);
        _time.TimerCount.ShouldBe(0);
    }

    [Fact]
    public async Task A_waiting_fetch_gathers_min_bytes_and_holds_no_records_meanwhile()
    {
        var fetch = StartAsync(Request(12, "orders", 0, maxWaitMs: 60_000, minBytes: 300));
        await _path.AppendAsync("orders", valueSize: 100);
        fetch.IsCompleted.ShouldBeFalse();
        _store.OpenReads.ShouldBe(0);
        await _path.AppendAsync("orders", valueSize: 100);
        (await fetch).Responses.Single().Partitions.Single().Records.SizeBytes.ShouldBeGreaterThanOrEqualTo(300);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_its_wait()
    {
        using var gone = new CancellationTokenSource();
        var fetch = _path.Fetch.HandleAsync(
            DataPath.Context(12) with { Aborted = gone.Token }, Request(12, "orders", 0, maxWaitMs: 60_000)).AsTask();
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(fetch);
        _time.TimerCount.ShouldBe(0);
        _store.OpenReads.ShouldBe(0);
    }

    [Fact]
    public async Task Deleting_the_topic_ends_the_wait()
    {
        var fetch = StartAsync(Request(12, "orders", 0, maxWaitMs: 60_000));
        _path.Partitions.Remove(DataPath.Topic("orders", 4));
        (await fetch).Responses.Single().Partitions.Single().ErrorCode.ShouldBe(ErrorCode.UnknownTopicOrPartition);
    }

    [Fact]
    public async Task The_whole_answer_keeps_to_max_bytes_but_gives_at_least_one_batch()
    {
        for (var partition = 0; partition < 4; partition++) await _path.AppendAsync("orders", partition: partition, valueSize: 1_000);
        var response = await FetchAsync(Request(12, "orders", 0, partitions: 4, maxBytes: 10), 12);
        Sizes(response).Count(size => size > 0).ShouldBe(1);
        response = await FetchAsync(Request(12, "orders", 0, partitions: 4, maxBytes: 3_000), 12);
        Sizes(response).Count(size => size > 0).ShouldBe(2);
    }

    [Fact]
    public async Task The_broker_limits_what_clients_ask_for()
    {
        var path = new DataPath(_store, _time, BrokerConfig.Default with { FetchMaxBytes = 3_000 }).With("logs", partitions: 4);
        for (var partition = 0; partition < 4; partition++) await path.AppendAsync("logs", partition: partition, valueSize: 1_000);
        var response = await path.Fetch.HandleAsync(DataPath.Context(12), Request(12, "logs", 0, partitions: 4));
        Sizes(response).Count(size => size > 0).ShouldBe(2);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public async Task An_offset_outside_the_log_is_told_at_once(long offset)
    {
        await _path.AppendAsync("orders", records: 3);
        var response = await FetchAsync(Request(12, "orders", offset, maxWaitMs: 60_000), 12);
        var data = response.Responses.Single().Partitions.Single();
        data.ErrorCode.ShouldBe(ErrorCode.OffsetOutOfRange);
        data.LogStartOffset.ShouldBe(Offset.Zero);
    }

    [Theory]
    [InlineData(4, ErrorCode.FencedLeaderEpoch)]
    [InlineData(5, ErrorCode.None)]
    [InlineData(6, ErrorCode.UnknownLeaderEpoch)]
    [InlineData(-1, ErrorCode.None)]
    public async Task The_leader_epoch_is_compared(int epoch, ErrorCode expected)
    {
        var request = Request(16, "orders", 0, maxWaitMs: 0);
        request.Topics[0].Partitions[0].CurrentLeaderEpoch = new LeaderEpoch(epoch);
        var response = await FetchAsync(request, 16);
        var data = response.Responses.Single().Partitions.Single();
        data.ErrorCode.ShouldBe(expected);
        if (expected != ErrorCode.FencedLeaderEpoch) return;
        data.CurrentLeader.LeaderId.ShouldBe(DataPath.Self);
        data.CurrentLeader.LeaderEpoch.ShouldBe(new LeaderEpoch(5));
        response.NodeEndpoints.Single().Port.ShouldBe(9092);
    }

    [Fact]
    public async Task A_log_that_parted_is_told_where()
    {
        await _path.AppendAsync("orders", records: 3);
        var request = Request(12, "orders", 3, maxWaitMs: 60_000);
        request.Topics[0].Partitions[0].LastFetchedEpoch = new LeaderEpoch(4);
        var data = (await FetchAsync(request, 12)).Responses.Single().Partitions.Single();
        data.DivergingEpoch.EndOffset.ShouldBe(Offset.Zero);
        data.Records.SizeBytes.ShouldBe(0);
    }

    [Theory]
    [InlineData(12, ErrorCode.UnknownTopicOrPartition)]
    [InlineData(13, ErrorCode.UnknownTopicId)]
    public async Task Only_unknown_topics_are_told_at_once_and_beside_others_they_wait(int version, ErrorCode expected)
    {
        var alone = await FetchAsync(Request(version, "nosuch", 0, maxWaitMs: 60_000), version);
        alone.Responses.Single().Partitions.Single().ErrorCode.ShouldBe(expected);

        var request = Request(version, "orders", 0, maxWaitMs: 60_000);
        request.Topics.AddRange(Request(version, "nosuch", 0).Topics);
        var both = StartAsync(request, version);
        both.IsCompleted.ShouldBeFalse();
        await _path.AppendAsync("orders");
        (await both).Responses.SelectMany(topic => topic.Partitions).Select(data => data.ErrorCode)
            .ShouldBe([ErrorCode.None, expected]);
    }

    [Fact]
    public async Task Who_asks_mostly_for_unknown_partitions_does_not_wait()
    {
        var response = await FetchAsync(Request(12, "orders", 0, maxWaitMs: 60_000, partitions: 9), 12);
        response.Responses.Single().Partitions.Select(data => data.ErrorCode == ErrorCode.None)
            .ShouldBe([true, true, true, true, false, false, false, false, false]);
    }

    [Fact]
    public async Task Of_a_partition_named_twice_the_last_counts_and_it_is_answered_once()
    {
        for (var batch = 0; batch < 2; batch++) await _path.AppendAsync("orders");
        var request = Request(12, "orders", 0);
        request.Topics.AddRange(Request(12, "orders", 1).Topics);
        var data = (await FetchAsync(request, 12)).Responses.Single().Partitions.Single();
        RecordBatchHeader.Read(data.Records.Bytes.ToArray()).BaseOffset.ShouldBe(new Offset(1));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public async Task Only_read_committed_has_a_list_of_aborted_transactions(sbyte isolation, bool hasList)
    {
        var request = Request(12, "orders", 0, maxWaitMs: 0);
        request.IsolationLevel = isolation;
        var data = (await FetchAsync(request, 12)).Responses.Single().Partitions.Single();
        (data.AbortedTransactions is not null).ShouldBe(hasList);
    }

    internal static FetchRequest Request(
        int version,
        string topic,
        long offset,
        int maxWaitMs = 0,
        int minBytes = 1,
        int partitions = 1,
        int maxBytes = 50 << 20)
    {
        var fetchTopic = new FetchRequest.FetchTopic
        {
            Topic = version < 13 ? new TopicName(topic) : new TopicName(""),
            TopicId = version < 13 ? default : DataPath.IdOf(topic),
        };
        for (var index = 0; index < partitions; index++)
        {
            fetchTopic.Partitions.Add(new()
            {
                Partition = new PartitionIndex(index),
                FetchOffset = new Offset(offset),
                PartitionMaxBytes = 1 << 20,
            });
        }

        return new FetchRequest { MaxWaitMs = maxWaitMs, MinBytes = minBytes, MaxBytes = maxBytes, Topics = [fetchTopic] };
    }

    private static IEnumerable<int> Sizes(FetchResponse response) =>
        response.Responses.SelectMany(topic => topic.Partitions).Select(data => data.Records.SizeBytes);

    private async Task<FetchResponse> FetchAsync(FetchRequest request, int version) =>
        DataPath.RoundTrip(await _path.Fetch.HandleAsync(DataPath.Context(version), request), version);

    private Task<FetchResponse> StartAsync(FetchRequest request, int version = 12) =>
        _path.Fetch.HandleAsync(DataPath.Context(version), request).AsTask();
}
