using FsCheck;
using FsCheck.Fluent;
using Loire.Broker.Handlers.Fetching;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>Fetch sessions (KIP-227).</summary>
public sealed class FetchSessionTests
{
    private const int Version = 12;
    private readonly FakeTime _time = new();
    private DataPath _path;

    public FetchSessionTests() => _path = NewPath();

    [Fact]
    public async Task A_session_tells_only_what_changed()
    {
        var first = await OpenAsync(0, 1, 2);
        first.SessionId.ShouldBeGreaterThan(0);
        Indexes(first).ShouldBe([0, 1, 2]);

        Indexes(await NextAsync(first.SessionId, 1)).ShouldBeEmpty();
        await _path.AppendAsync("orders", partition: 1);
        Indexes(await NextAsync(first.SessionId, 2)).ShouldBe([1]);
    }

    [Fact]
    public async Task Partitions_come_and_go()
    {
        var id = (await OpenAsync(0)).SessionId;
        await _path.AppendAsync("orders", partition: 0);
        await _path.AppendAsync("orders", partition: 3);
        var response = await NextAsync(id, 1, add: [3], forget: [0]);
        Indexes(response).ShouldBe([3]);
        (await NextAsync(id, 2, forget: [3])).SessionId.ShouldBe(0);
        (await NextAsync(id, 3)).ErrorCode.ShouldBe(ErrorCode.FetchSessionIdNotFound);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Epochs_must_follow_each_other(int shift)
    {
        var id = (await OpenAsync(0)).SessionId;
        await NextAsync(id, 1);
        var response = await NextAsync(id, 1 + shift);
        response.ErrorCode.ShouldBe(ErrorCode.InvalidFetchSessionEpoch);
        (await NextAsync(id, 2)).ErrorCode.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Epochs_run_on_to_one() => FetchSession.EpochAfter(int.MaxValue).ShouldBe(1);

    [Fact]
    public async Task Closing_ends_the_session()
    {
        var id = (await OpenAsync(0)).SessionId;
        var closed = await _path.Fetch.HandleAsync(
            DataPath.Context(Version), new FetchRequest { SessionId = id, SessionEpoch = -1, MaxWaitMs = 60_000, MinBytes = 1 });
        closed.SessionId.ShouldBe(0);
        _path.Fetch.SessionCount.ShouldBe(0);
    }

    [Fact]
    public async Task A_new_session_replaces_the_clients_old_one()
    {
        var id = (await OpenAsync(0)).SessionId;
        var request = Request([0]);
        request.SessionId = id;
        request.SessionEpoch = 0;
        (await _path.Fetch.HandleAsync(DataPath.Context(Version), request)).SessionId.ShouldNotBe(id);
        _path.Fetch.SessionCount.ShouldBe(1);
    }

    [Fact]
    public async Task Names_and_ids_do_not_mix()
    {
        var id = (await OpenAsync(0)).SessionId;
        var request = new FetchRequest { SessionId = id, SessionEpoch = 1 };
        (await _path.Fetch.HandleAsync(DataPath.Context(13), request)).ErrorCode.ShouldBe(ErrorCode.FetchSessionTopicIdError);
    }

    [Fact]
    public async Task A_session_serves_one_request_at_a_time()
    {
        var id = (await OpenAsync(0)).SessionId;
        var waiting = _path.Fetch.HandleAsync(
            DataPath.Context(Version), new FetchRequest { SessionId = id, SessionEpoch = 1, MaxWaitMs = 1_000, MinBytes = 1 }).AsTask();
        (await NextAsync(id, 2)).ErrorCode.ShouldBe(ErrorCode.InvalidFetchSessionEpoch);
        _time.AdvanceMs(1_000);
        (await waiting).ErrorCode.ShouldBe(ErrorCode.None);
        (await NextAsync(id, 2)).ErrorCode.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task An_error_is_told_as_long_as_it_lasts()
    {
        var first = await OpenAsync(0, 9);
        Indexes(await NextAsync(first.SessionId, 1)).ShouldBe([9]);
        Indexes(await NextAsync(first.SessionId, 2)).ShouldBe([9]);
    }

    [Fact]
    public async Task A_busy_partition_does_not_starve_the_others()
    {
        var id = (await OpenAsync(0, 1)).SessionId;
        for (var i = 0; i < 3; i++)
        {
            await _path.AppendAsync("orders", partition: 0, valueSize: 1_000);
            await _path.AppendAsync("orders", partition: 1, valueSize: 1_000);
        }

        var request = new FetchRequest { SessionId = id, SessionEpoch = 1, MaxBytes = 100, MinBytes = 1 };
        var served = new List<int>();
        for (; request.SessionEpoch <= 4; request.SessionEpoch++)
        {
            var response = await _path.Fetch.HandleAsync(DataPath.Context(Version), request);
            served.Add(Partitions(response).Single(data => data.Records.SizeBytes > 0).PartitionIndex.Value);
        }

        served.ShouldBe([0, 1, 0, 1]);
    }

    [Fact]
    public async Task Without_slots_there_are_no_sessions()
    {
        _path = NewPath(slots: 0);
        (await OpenAsync(0)).SessionId.ShouldBe(0);
    }

    [Fact]
    public async Task Sessions_are_evicted_when_idle_or_small()
    {
        _path = NewPath(slots: 1);
        var small = (await OpenAsync(0)).SessionId;
        (await OpenAsync(0, 1)).SessionId.ShouldBe(0);

        _time.AdvanceMs(100_000);
        (await NextAsync(small, 1)).ErrorCode.ShouldBe(ErrorCode.None);
        _time.AdvanceMs(100_000);
        (await OpenAsync(1)).SessionId.ShouldBe(0);
        var large = (await OpenAsync(0, 1)).SessionId;
        large.ShouldNotBe(0);
        (await NextAsync(small, 2)).ErrorCode.ShouldBe(ErrorCode.FetchSessionIdNotFound);

        _time.AdvanceMs(120_001);
        (await OpenAsync(1)).SessionId.ShouldNotBe(0);
        (await NextAsync(large, 1)).ErrorCode.ShouldBe(ErrorCode.FetchSessionIdNotFound);
    }

    [Fact]
    public void Sessions_together_have_no_more_partitions_than_there_is_memory_for()
    {
        var ids = 0;
        var cache = new FetchSessionCache(() => ++ids, partitionsMax: 10);
        var first = Create(6)!;
        Create(5).ShouldBeNull();
        var second = Create(4)!;

        // The first forgets some, and the second takes their place; with one more it ends.
        first.Partitions.Forget(first.Partitions.InOrder.Take(3).Select(partition => partition.Key).ToList());
        cache.TryKeep(first).ShouldBeTrue();
        Add(second.Partitions, from: 4, count: 3);
        cache.TryKeep(second).ShouldBeTrue();
        Add(second.Partitions, from: 7, count: 1);
        cache.TryKeep(second).ShouldBeFalse();
        cache.TryKeep(second).ShouldBeFalse();
        cache.Count.ShouldBe(1);

        // One that is evicted leaves its place, and so does one that ends.
        Create(10, nowMs: 120_001).ShouldNotBeNull();
        cache.TryKeep(first).ShouldBeFalse();
        cache.Remove(ids, NodeId.None);
        Create(10).ShouldNotBeNull();
        Create(11, nowMs: 999_999).ShouldBeNull();

        FetchSession? Create(int count, long nowMs = 0)
        {
            var partitions = new FetchPartitionSet();
            Add(partitions, from: 0, count);
            return cache.Create(partitions, usesTopicIds: false, NodeId.None, slots: 100, nowMs);
        }

        static void Add(FetchPartitionSet partitions, int from, int count)
        {
            for (var index = from; index < from + count; index++)
                partitions.Set(new FetchPartition(new TopicName("orders"), TopicId.None, new PartitionIndex(index)));
        }
    }

    /// <summary>Whatever a client adds, forgets and reads: an answer holds exactly the partitions of the session that have
    /// records from the client's offset on or whose high watermark it does not know.</summary>
    [Fact]
    public void Any_session_tells_what_a_model_expects() =>
        Prop.ForAll(Steps().ArrayOf().ToArbitrary(), RunModel).QuickCheckThrowOnFailure();

    private static Gen<Step> Steps() =>
        from appendTo in Gen.Choose(-2, 3)
        from add in Gen.Choose(-2, 3)
        from forget in Gen.Choose(-3, 3)
        from advance in Gen.Elements(true, false)
        select new Step(appendTo, add, forget, advance);

    private void RunModel(Step[] steps)
    {
        _path = NewPath();
        var ends = new long[4];
        var session = new Dictionary<int, (long Offset, long Told)> { [0] = (0, 0) };
        var id = OpenAsync(0).AsTask().GetAwaiter().GetResult().SessionId;
        for (var epoch = 1; epoch <= steps.Length && session.Count > 0; epoch++)
        {
            var step = steps[epoch - 1];
            if (step.AppendTo >= 0)
            {
                _path.AppendAsync("orders", partition: step.AppendTo).GetAwaiter().GetResult();
                ends[step.AppendTo]++;
            }

            var request = new FetchRequest { SessionId = id, SessionEpoch = epoch };
            if (step.Add >= 0)
            {
                var offset = step.Advance ? ends[step.Add] : 0;
                request.Topics = Request([step.Add], offset).Topics;
                session[step.Add] = (offset, session.TryGetValue(step.Add, out var known) ? known.Told : -1);
            }

            if (step.Forget >= 0)
            {
                request.ForgottenTopicsData = Forgotten(step.Forget);
                session.Remove(step.Forget);
            }

            var response = _path.Fetch.HandleAsync(DataPath.Context(Version), request).AsTask().GetAwaiter().GetResult();
            var expected = session.Where(known => known.Value.Offset < ends[known.Key] || known.Value.Told != ends[known.Key])
                .Select(known => known.Key).Order().ToList();
            Indexes(response).Order().ToList().ShouldBe(expected, $"epoch {epoch}: {step}");
            foreach (var index in expected) session[index] = (session[index].Offset, ends[index]);
        }
    }

    private DataPath NewPath(int slots = 1_000) =>
        new DataPath(new FakeLogStore(), _time, BrokerConfig.Default with { FetchSessionSlots = slots }).With("orders", partitions: 4);

    private ValueTask<FetchResponse> OpenAsync(params int[] partitions)
    {
        var request = Request(partitions);
        request.SessionEpoch = 0;
        return _path.Fetch.HandleAsync(DataPath.Context(Version), request);
    }

    private ValueTask<FetchResponse> NextAsync(int id, int epoch, int[]? add = null, int[]? forget = null)
    {
        var request = add is null ? new FetchRequest() : Request(add);
        request.SessionId = id;
        request.SessionEpoch = epoch;
        if (forget is not null) request.ForgottenTopicsData = Forgotten(forget);
        return _path.Fetch.HandleAsync(DataPath.Context(Version), request);
    }

    private static FetchRequest Request(int[] partitions, long offset = 0)
    {
        var topic = new FetchRequest.FetchTopic { Topic = new TopicName("orders") };
        foreach (var index in partitions)
        {
            topic.Partitions.Add(new()
            {
                Partition = new PartitionIndex(index),
                FetchOffset = new Offset(offset),
                PartitionMaxBytes = 1 << 20,
            });
        }

        return new FetchRequest { Topics = [topic] };
    }

    private static List<FetchRequest.ForgottenTopic> Forgotten(params int[] partitions) =>
        [new() { Topic = new TopicName("orders"), Partitions = [.. partitions.Select(index => new PartitionIndex(index))] }];

    private static IEnumerable<FetchResponse.PartitionData> Partitions(FetchResponse response) =>
        response.Responses.SelectMany(topic => topic.Partitions);

    private static IEnumerable<int> Indexes(FetchResponse response) =>
        Partitions(response).Select(data => data.PartitionIndex.Value);

    private readonly record struct Step(int AppendTo, int Add, int Forget, bool Advance);
}
