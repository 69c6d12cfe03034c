using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Partitions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>Consumers that read from the replica in their rack (KIP-392).</summary>
public sealed class NearReplicaTests
{
    private readonly OneReplica _here = new(new BrokerConfig { SelectsReplicaByRack = true });

    [Fact]
    public async Task A_consumer_is_sent_to_the_in_sync_replica_of_its_rack_that_has_what_it_asks_for()
    {
        await LeadAsync(inSync: [1, 2]);
        var data = await FetchAsync(offset: 1, rack: "rack-2");
        (data.PreferredReadReplica, data.Records.SizeBytes).ShouldBe((new NodeId(2), 0));
        data.HighWatermark.ShouldBe(new Offset(1));

        (await FetchAsync(offset: 0, rack: "rack-3")).PreferredReadReplica.ShouldBe(NodeId.None, "3 is not in sync");
        (await FetchAsync(offset: 0, rack: "rack-1")).PreferredReadReplica.ShouldBe(NodeId.None, "the leader is there");
        (await FetchAsync(offset: 0, rack: "rack-9")).PreferredReadReplica.ShouldBe(NodeId.None);
        (await FetchAsync(offset: 2, rack: "rack-2")).PreferredReadReplica.ShouldBe(NodeId.None, "2 has not got that");
        (await FetchAsync(offset: 0, rack: "")).Records.SizeBytes.ShouldBePositive();
    }

    [Fact]
    public async Task By_default_nobody_is_sent_elsewhere()
    {
        var leader = new OneReplica();
        leader.Announce(leader: 1, inSync: [1, 2]);
        var response = await leader.SendAsync(leader.Ask(offset: 0, rack: "rack-2"));
        response.Responses.Single().Partitions.Single().PreferredReadReplica.ShouldBe(NodeId.None);
    }

    [Fact]
    public async Task A_follower_serves_what_it_knows_to_be_committed()
    {
        Follow(records: 3, leaderHighWatermark: 2);
        var data = await FetchAsync(offset: 0);
        (data.ErrorCode, data.HighWatermark).ShouldBe((ErrorCode.None, new Offset(2)));
        data.Records.SizeBytes.ShouldBe(Batches.Bytes().Length * 2);
        (await FetchAsync(offset: 2)).ErrorCode.ShouldBe(ErrorCode.None);
        (await FetchAsync(offset: 3)).ErrorCode.ShouldBe(ErrorCode.OffsetNotAvailable, "it is here, but may be taken back");
        (await FetchAsync(offset: 4)).ErrorCode.ShouldBe(ErrorCode.OffsetOutOfRange);
        (await FetchAsync(offset: 0, version: 10)).ErrorCode.ShouldBe(ErrorCode.NotLeaderOrFollower, "it cannot know of followers");
    }

    [Fact]
    public async Task What_the_leader_has_and_the_follower_not_yet_is_not_available()
    {
        Follow(records: 1, leaderHighWatermark: 9);
        (await FetchAsync(offset: 9)).ErrorCode.ShouldBe(ErrorCode.OffsetNotAvailable);
        (await FetchAsync(offset: 10)).ErrorCode.ShouldBe(ErrorCode.OffsetOutOfRange);
    }

    [Fact]
    public async Task A_consumer_that_waits_at_a_follower_is_woken_by_its_high_watermark()
    {
        Follow(records: 1, leaderHighWatermark: 0);
        var waiting = _here.SendAsync(_here.Ask(offset: 0, maxWaitMs: 60_000));
        waiting.IsCompleted.ShouldBeFalse();
        Take(leaderHighWatermark: 1, []);
        (await waiting).Responses.Single().Partitions.Single().Records.SizeBytes.ShouldBePositive();
    }

    private async Task LeadAsync(params int[] inSync)
    {
        _here.Announce(leader: 1, inSync);
        _here.Append();
        _here.Append();
        _here.Store.Sync();
        foreach (var follower in inSync[1..]) await _here.SendAsync(_here.AskAs(follower, offset: 1));
    }

    private void Follow(int records, long leaderHighWatermark)
    {
        _here.Announce(leader: 2, inSync: [1, 2]);
        for (var i = 0; i < records; i++)
        {
            var batch = Batches.Bytes();
            Loire.Protocol.Records.RecordBatchHeader.Assign(batch, new Offset(i), _here.State.LeaderEpoch);
            Take(leaderHighWatermark, batch);
            _here.Store.Sync();
        }
    }

    private void Take(long leaderHighWatermark, byte[] batch)
    {
        var answer = new FollowerRead(ErrorCode.None, null, null, new Offset(leaderHighWatermark), Offset.Zero);
        var position = _here.Replica.GetFetchPosition();
        _here.Replica.TakeFetched(position, answer, new(batch)).ShouldBe(FetchedOutcome.Taken);
    }

    private async Task<FetchResponse.PartitionData> FetchAsync(long offset, string rack = "", int version = OneReplica.Version)
    {
        var request = _here.Ask(offset, rack: rack);
        if (version < 13) (request.Topics[0].Topic, request.Topics[0].TopicId) = (OneReplica.Id.Topic, default);
        return (await _here.SendAsync(request, version)).Responses.Single().Partitions.Single();
    }
}
