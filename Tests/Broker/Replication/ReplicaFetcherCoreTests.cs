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
    private readonly ReplicaFetcherCore _fetcher = new(Leader, new ReadAhead(FromBytes: 100, LimitBytes: 400));
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
        _a.End = _a.Durable = new Offset(5);
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
    public void It_lets_the_leader_hold_its_request_only_when_all_is_synced()
    {
        _b.End = new Offset(2);
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        _b.Durable = new Offset(2);
        var request = Next();
        Asked(request).ShouldBe([0, 1]);
        request.Waits.ShouldBeTrue();
    }

    [Fact]
    public void After_a_large_answer_it_asks_on_before_that_is_synced()
    {
        Next();
        Append(_a, bytes: 100);
        var ahead = Next();
        ahead.Waits.ShouldBeFalse();
        var position = ahead.Partitions.ShouldHaveSingleItem().Value;
        (position.Offset, position.DurableEnd).ShouldBe((new Offset(1), Offset.Zero));

        Append(_a, bytes: 99);
        _fetcher.NextRequest(_nowMs).ShouldBeNull("there is not much more: it waits for the sync, which the leader is to know of");
        _a.Durable = new Offset(1);
        _fetcher.NextRequest(_nowMs).ShouldBeNull();
        _a.Durable = new Offset(2);
        Next().Waits.ShouldBeTrue();
    }

    [Fact]
    public void It_reads_ahead_as_far_as_the_limit_and_on_when_the_disk_follows()
    {
        Next();
        for (var answers = 1; answers <= 4; answers++)
        {
            Append(_a, bytes: 100);
            Next();
        }

        Append(_a, bytes: 100);
        _fetcher.NextRequest(_nowMs).ShouldBeNull("400 bytes came after those that it knew when it began to count");
        _a.Durable = new Offset(1);
        Next().Waits.ShouldBeFalse();
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
        _a.End = _a.Durable = new Offset(4);
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

    [Theory]
    [InlineData(ErrorCode.UnknownTopicId, true)]
    [InlineData(ErrorCode.UnknownTopicOrPartition, true)]
    [InlineData(ErrorCode.NotLeaderOrFollower, true)]
    [InlineData(ErrorCode.KafkaStorageError, false)]
    [InlineData(ErrorCode.UnknownServerError, false)]
    public void A_leader_that_has_not_heard_of_a_topic_or_an_election_yet_is_no_cause_for_a_warning(ErrorCode error, bool isPassing)
    {
        Next();
        Answer(Fetched(_a, error));
        _fetcher.Troubles.ShouldHaveSingleItem().IsPassing.ShouldBe(isPassing);
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

    /// <summary>The answer brings a record, which is not synced yet.</summary>
    private void Append(FakeReplica replica, int bytes)
    {
        replica.End += 1;
        Answer(Fetched(replica) with { Records = new ReadOnlySequence<byte>(new byte[bytes]) });
    }

    private void Answer(params FetchedPartition[] partitions) =>
        _fetcher.Answered(new ReplicaFetchAnswer(ErrorCode.None, 77, partitions), _nowMs);

    private sealed class FakeReplica(int partition) : IFollowerReplica
    {
        public TopicIdPartition Partition { get; } = new(new TopicId(Guid.Empty), new TopicName("t"), new PartitionIndex(partition));
        public NodeId Leader { get; set; } = ReplicaFetcherCoreTests.Leader;
        public Action? Synced { get; set; }
        public Offset End { get; set; }
        public Offset Durable { get; set; }
        public FetchedOutcome Outcome { get; set; }
        public int TakenCount { get; private set; }

        public bool IsFollowing(NodeId leader) => leader == Leader;

        public FetchPosition GetFetchPosition() =>
            new(End, Durable, Loire.Protocol.LeaderEpoch.None, Loire.Protocol.LeaderEpoch.Zero);

        public FetchedOutcome TakeFetched(in FetchPosition asked, in FollowerRead answer, in ReadOnlySequence<byte> records)
        {
            TakenCount++;
            return Outcome;
        }
    }
}
