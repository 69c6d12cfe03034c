using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Broker.Replication;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Replication;

public sealed class ReplicaFetcherCoreTests
{
    private static readonly NodeId Leader = new(2);
    private readonly ReplicaFetcherCore _fetcher = new(Leader);
    private readonly FakeReplica _a = new(0);
    private readonly FakeReplica _b = new(1);
    private long _nowMs = 1_000;

    public ReplicaFetcherCoreTests()
    {
        _fetcher.Add(_a);
        _fetcher.Add(_b);
    }

    [Fact]
    public void A_session_begins_with_all_partitions_and_goes_on_with_what_moved()
    {
        var first = Next();
        (first.SessionId, first.SessionEpoch).ShouldBe((0, 0));
        Asked(first).ShouldBe([0, 1]);

        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        Answer(Fetched(_a));
        _a.TakenCount.ShouldBe(1);
        _a.End = new Offset(5);
        var second = Next();
        (second.SessionId, second.SessionEpoch).ShouldBe((77, 1));
        Asked(second).ShouldBe([0]);
        second.Partitions[0].Value.Offset.ShouldBe(new Offset(5));

        Answer();
        var third = Next();
        third.SessionEpoch.ShouldBe(2);
        third.Partitions.ShouldBeEmpty();
    }

    [Fact]
    public void It_asks_only_from_durable_ends()
    {
        _b.IsSynced = false;
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        _b.IsSynced = true;
        Asked(Next()).ShouldBe([0, 1]);
    }

    [Fact]
    public void A_partition_with_an_error_is_left_out_for_a_growing_while()
    {
        Next();
        Answer(Fetched(_a, ErrorCode.NotLeaderOrFollower));
        var without = Next();
        without.Forgotten.ShouldBe([_a.Partition]);
        _fetcher.NextAttemptMs.ShouldBe(1_050);
        Answer();

        _nowMs = 1_050;
        Asked(Next()).ShouldBe([0]);
        Answer(Fetched(_a, ErrorCode.NotLeaderOrFollower));
        Next();
        _fetcher.NextAttemptMs.ShouldBe(1_150);
        Answer();

        _fetcher.Add(_a);
        Asked(Next()).ShouldBe([0]);
    }

    [Fact]
    public void What_a_replica_cannot_take_is_asked_again_later()
    {
        Next();
        _a.Outcome = FetchedOutcome.Corrupt;
        Answer(Fetched(_a));
        Next().Forgotten.ShouldBe([_a.Partition]);
    }

    [Fact]
    public void A_replica_with_another_leader_drops_out()
    {
        Next();
        Answer();
        _a.Leader = new NodeId(3);
        Next().Forgotten.ShouldBe([_a.Partition]);
        Answer(Fetched(_a));
        _a.TakenCount.ShouldBe(0);
        _b.Leader = new NodeId(3);
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
    }

    [Fact]
    public void A_lost_session_is_opened_anew_at_once()
    {
        Next();
        Answer();
        Next();
        _fetcher.Answered(new ReplicaFetchAnswer(ErrorCode.FetchSessionIdNotFound, 0, []), _nowMs);
        var again = Next();
        (again.SessionId, again.SessionEpoch).ShouldBe((0, 0));
        Asked(again).ShouldBe([0, 1]);
    }

    [Fact]
    public void A_replica_that_starts_anew_is_asked_again_at_once()
    {
        Next();
        _a.Outcome = FetchedOutcome.Reset;
        Answer(Fetched(_a, ErrorCode.OffsetOutOfRange));
        _a.TakenCount.ShouldBe(1);
        _fetcher.Troubles.ShouldHaveSingleItem().Outcome.ShouldBe(FetchedOutcome.Reset);
        _a.End = new Offset(4);
        Asked(Next()).ShouldBe([0]);
    }

    [Fact]
    public void What_holds_a_partition_up_is_told_once()
    {
        Next();
        Answer(Fetched(_a, ErrorCode.UnknownTopicId));
        var trouble = _fetcher.Troubles.ShouldHaveSingleItem();
        (trouble.Partition, trouble.Error).ShouldBe((_a.Partition, ErrorCode.UnknownTopicId));
        _a.TakenCount.ShouldBe(0);

        _nowMs = 1_050;
        Next();
        Answer(Fetched(_a, ErrorCode.UnknownTopicId));
        _fetcher.Troubles.ShouldBeEmpty();
    }

    [Fact]
    public void A_request_that_is_given_up_is_followed_by_one_for_all()
    {
        Next();
        Answer();
        Next();
        var late = new FakeReplica(2);
        _fetcher.Add(late).ShouldBeTrue();
        _fetcher.Add(_a).ShouldBeFalse();
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        _fetcher.GivenUp();
        var again = Next();
        (again.SessionId, again.SessionEpoch).ShouldBe((0, 0));
        Asked(again).ShouldBe([0, 1, 2]);
    }

    [Fact]
    public void A_silent_leader_is_left_alone_for_a_while()
    {
        Next();
        _fetcher.Failed(_nowMs);
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        _fetcher.NextAttemptMs.ShouldBe(1_050);
        _nowMs = 1_050;
        Asked(Next()).ShouldBe([0, 1]);
    }

    private static IEnumerable<int> Asked(ReplicaFetchRequest request) =>
        request.Partitions.Select(partition => partition.Key.Partition.Value);

    private static FetchedPartition Fetched(FakeReplica replica, ErrorCode error = ErrorCode.None) =>
        new(replica.Partition, new FollowerRead(error, null, null, Offset.Zero, Offset.Zero), default);

    private ReplicaFetchRequest Next() => _fetcher.NextRequest(_nowMs).ShouldNotBeNull();

    private void Answer(params FetchedPartition[] partitions) =>
        _fetcher.Answered(new ReplicaFetchAnswer(ErrorCode.None, 77, partitions), _nowMs);

    private sealed class FakeReplica(int partition) : IFollowerReplica
    {
        public TopicIdPartition Partition { get; } = new(new TopicId(Guid.Empty), new TopicName("t"), new PartitionIndex(partition));
        public NodeId Leader { get; set; } = ReplicaFetcherCoreTests.Leader;
        public Action? Synced { get; set; }
        public bool IsSynced { get; set; } = true;
        public Offset End { get; set; }
        public FetchedOutcome Outcome { get; set; }
        public int TakenCount { get; private set; }

        public bool IsFollowing(NodeId leader) => leader == Leader;

        public FetchPosition? GetFetchPosition() =>
            IsSynced ? new FetchPosition(End, Loire.Protocol.LeaderEpoch.None, Loire.Protocol.LeaderEpoch.Zero) : null;

        public FetchedOutcome TakeFetched(in FetchPosition asked, in FollowerRead answer, in ReadOnlySequence<byte> records)
        {
            TakenCount++;
            return Outcome;
        }
    }
}
