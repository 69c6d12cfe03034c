using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Broker.Replication;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Replication;

/// <summary>A fetcher of one replica that catches up and is throttled, and one that is not.</summary>
public sealed class ThrottledFetchTests
{
    private const long Rate = 1_000;

    private static readonly NodeId Leader = new(2);

    private readonly ReplicaFetcherCore _fetcher =
        new(Leader, ReadAhead.Default) { Throttle = new ReplicationThrottle(() => Rate) };

    private readonly Replica _throttled = new(0) { IsThrottled = true };
    private readonly Replica _other = new(1);

    public ThrottledFetchTests()
    {
        _fetcher.Add(_throttled);
        _fetcher.Add(_other);
    }

    [Fact]
    public void It_is_left_out_until_the_rate_allows_it_and_the_other_is_asked_for_meanwhile()
    {
        Asked(nowMs: 0).ShouldBe([0, 1]);
        Answer(bytes: 1_500, nowMs: 0);
        _throttled.TakenCount.ShouldBe(1);
        var without = _fetcher.NextRequest(0).ShouldNotBeNull();
        without.Forgotten.ShouldHaveSingleItem().ShouldBe(_throttled.Partition);
        _fetcher.NextAttemptMs.ShouldBe(501);
        Answer(bytes: 0, nowMs: 300);

        Asked(nowMs: 500).ShouldBeEmpty();
        Answer(bytes: 0, nowMs: 501);
        Asked(nowMs: 501).ShouldBe([0]);
    }

    [Fact]
    public void Once_it_is_in_sync_it_is_asked_for_at_once()
    {
        Asked(nowMs: 0).ShouldBe([0, 1]);
        Answer(bytes: 100_000, nowMs: 0);
        _throttled.IsThrottled = false;
        _fetcher.NextRequest(0).ShouldNotBeNull().Forgotten.ShouldBeEmpty();
    }

    private IEnumerable<int> Asked(long nowMs) =>
        _fetcher.NextRequest(nowMs).ShouldNotBeNull().Partitions.Select(partition => partition.Key.Partition.Value);

    /// <summary>With so many bytes for the throttled replica, and none for the other.</summary>
    private void Answer(int bytes, long nowMs)
    {
        var read = new FollowerRead(ErrorCode.None, null, null, Offset.Zero, Offset.Zero);
        FetchedPartition[] fetched =
            bytes == 0 ? [] : [new FetchedPartition(_throttled.Partition, read, new ReadOnlySequence<byte>(new byte[bytes]))];
        _fetcher.Answered(new ReplicaFetchAnswer(ErrorCode.None, 77, fetched), nowMs);
    }

    private sealed class Replica(int partition) : IFollowerReplica
    {
        public TopicIdPartition Partition { get; } = new(new TopicId(Guid.Empty), new TopicName("t"), new PartitionIndex(partition));
        public Action? Synced { get; set; }
        public bool IsThrottled { get; set; }
        public int TakenCount { get; private set; }

        public bool IsFollowing(NodeId leader) => leader == Leader;

        public FetchPosition GetFetchPosition() => new(Offset.Zero, Offset.Zero, LeaderEpoch.None, LeaderEpoch.Zero);

        public FetchedOutcome TakeFetched(in FetchPosition asked, in FollowerRead answer, in ReadOnlySequence<byte> records)
        {
            TakenCount++;
            return FetchedOutcome.Taken;
        }
    }
}
