using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>Fetch as followers send it.</summary>
public sealed class FollowerFetchTests
{
    private readonly OneReplica _leader = new(new BrokerConfig { SelectsReplicaByRack = true });

    public FollowerFetchTests() => _leader.Announce(leader: 1, inSync: [1, 2, 3]);

    [Fact]
    public async Task A_follower_gets_what_is_not_committed_yet()
    {
        _leader.Append(records: 3);
        var data = Single(await _leader.SendAsync(_leader.AskAs(2, offset: 0)));
        (data.ErrorCode, data.HighWatermark).ShouldBe((ErrorCode.None, Offset.Zero));
        data.Records.SizeBytes.ShouldBePositive();
        Single(await _leader.SendAsync(_leader.Ask(offset: 0))).ErrorCode.ShouldBe(ErrorCode.None);
        Single(await _leader.SendAsync(_leader.Ask(offset: 0))).Records.SizeBytes.ShouldBe(0);
    }

    [Theory]
    [InlineData(9, OneReplica.Generation, ErrorCode.BrokerIdNotRegistered)]
    [InlineData(2, OneReplica.Generation - 1, ErrorCode.StaleBrokerEpoch)]
    [InlineData(2, OneReplica.Generation + 1, ErrorCode.StaleBrokerEpoch)]
    [InlineData(2, -1, ErrorCode.StaleBrokerEpoch)]
    public async Task Nobody_poses_as_a_follower(int node, long generation, ErrorCode expected)
    {
        _leader.Append();
        var response = await _leader.SendAsync(_leader.AskAs(node, offset: 0, generation: generation));
        response.ErrorCode.ShouldBe(expected);
        response.Responses.ShouldBeEmpty();
        _leader.Fetch.SessionCount.ShouldBe(0);
    }

    [Fact]
    public async Task Nobody_poses_as_a_follower_with_the_old_field_either()
    {
        var request = _leader.Ask(offset: 0);
        request.ReplicaId = new NodeId(2);
        request.Topics[0].Topic = OneReplica.Id.Topic;
        request.Topics[0].TopicId = default;
        (await _leader.SendAsync(request, version: 12)).ErrorCode.ShouldBe(ErrorCode.StaleBrokerEpoch);
    }

    [Fact]
    public async Task A_broker_that_has_no_replica_of_a_partition_is_not_served()
    {
        _leader.Announce(leader: 2, inSync: [2, 3]);
        Single(await _leader.SendAsync(_leader.AskAs(3, offset: 0))).ErrorCode.ShouldBe(ErrorCode.NotLeaderOrFollower);
    }

    [Fact]
    public async Task A_waiting_follower_is_woken_by_an_append_and_by_the_high_watermark()
    {
        var session = (await _leader.SendAsync(_leader.AskAs(2, offset: 0))).SessionId;
        var waiting = _leader.SendAsync(Next(session, 1));
        waiting.IsCompleted.ShouldBeFalse();
        _leader.Append();
        Single(await waiting).Records.SizeBytes.ShouldBePositive();

        _leader.Store.Sync();
        await _leader.SendAsync(_leader.AskAs(3, offset: 1));
        var asked = Next(session, 2, offset: 1);
        var rise = Single(await _leader.SendAsync(asked));
        (rise.Records.SizeBytes, rise.HighWatermark).ShouldBe((0, new Offset(1)), "2 was the last to have it");

        _leader.Append();
        Single(await _leader.SendAsync(Next(session, 3, offset: 1))).Records.SizeBytes.ShouldBePositive();
        waiting = _leader.SendAsync(Next(session, 4, offset: 2));
        _leader.Store.Sync();
        waiting.IsCompleted.ShouldBeFalse();
        await _leader.SendAsync(_leader.AskAs(3, offset: 2));
        Single(await waiting).HighWatermark.ShouldBe(new Offset(2), "3 was the last to have it");
    }

    [Fact]
    public async Task A_follower_that_no_consumer_reads_is_told_of_the_high_watermark_with_the_next_records()
    {
        var leader = new OneReplica();
        leader.Announce(leader: 1, inSync: [1, 2, 3]);
        leader.Append();
        leader.Store.Sync();
        var session = (await leader.SendAsync(leader.AskAs(2, offset: 1))).SessionId;
        await leader.SendAsync(leader.AskAs(3, offset: 1));
        leader.Replica.HighWatermark.ShouldBe(new Offset(1));

        var request = leader.AskAs(2, offset: 1, maxWaitMs: 60_000);
        (request.SessionId, request.SessionEpoch) = (session, 1);
        var waiting = leader.SendAsync(request);
        waiting.IsCompleted.ShouldBeFalse();
        leader.Append();
        var data = Single(await waiting);
        data.Records.SizeBytes.ShouldBePositive();
        data.HighWatermark.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task A_follower_that_reads_ahead_counts_as_far_as_it_says_that_it_has_synced()
    {
        _leader.Append();
        _leader.Append();
        _leader.Store.Sync();
        await _leader.SendAsync(_leader.AskAs(3, offset: 2));
        var request = _leader.AskAs(2, offset: 2);
        request.Topics[0].Partitions[0].DurableOffset = new Offset(1);
        Single(await _leader.SendAsync(request)).HighWatermark.ShouldBe(new Offset(1));
        _leader.Replica.HighWatermark.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task A_follower_has_one_session_which_nobody_else_can_use_or_take_from_it()
    {
        var first = (await _leader.SendAsync(_leader.AskAs(2, offset: 0))).SessionId;
        var second = (await _leader.SendAsync(_leader.AskAs(2, offset: 0))).SessionId;
        second.ShouldNotBe(first);
        _leader.Fetch.SessionCount.ShouldBe(1);
        (await _leader.SendAsync(Next(first, 1))).ErrorCode.ShouldBe(ErrorCode.FetchSessionIdNotFound);
        (await _leader.SendAsync(Next(second, 1, follower: 3))).ErrorCode.ShouldBe(ErrorCode.FetchSessionIdNotFound);

        var consumer = _leader.Ask(offset: 0);
        (consumer.SessionId, consumer.SessionEpoch) = (second, 0);
        await _leader.SendAsync(consumer);
        _leader.Append();
        Single(await _leader.SendAsync(Next(second, 1))).Records.SizeBytes.ShouldBePositive();
    }

    private static FetchResponse.PartitionData Single(FetchResponse response) => response.Responses.Single().Partitions.Single();

    /// <summary>The next request of a session, with a new position or the one it knows.</summary>
    private FetchRequest Next(int session, int epoch, long? offset = null, int follower = 2)
    {
        var request = _leader.AskAs(follower, offset ?? 0, maxWaitMs: 60_000);
        (request.SessionId, request.SessionEpoch) = (session, epoch);
        if (offset is null) request.Topics = [];
        return request;
    }
}
