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

/// <summary>Two replicas of a partition, the leader's answers carried to the follower by hand.</summary>
public sealed class ReplicationTests
{
    private static readonly NodeId First = new(1);
    private static readonly NodeId Second = new(2);
    private static readonly TopicIdPartition Orders =
        new(new TopicId(Guid.NewGuid()), new TopicName("orders"), new PartitionIndex(0));
    private readonly Proposals _proposals = new();
    private readonly FakeTime _time = new();
    private readonly FakeLogStore _firstStore = new() { HoldDurability = true };
    private readonly FakeLogStore _secondStore = new() { HoldDurability = true };
    private readonly PartitionReplica _first;
    private readonly PartitionReplica _second;

    public ReplicationTests()
    {
        _first = Open(_firstStore, First);
        _second = Open(_secondStore, Second);
        Announce(leader: First, epoch: 0, version: 0);
    }

    [Fact]
    public async Task AcksAll_waits_for_the_followers_disk()
    {
        var commit = ProduceAsync(_first);
        _firstStore.Sync();
        Replicate(_second, _first, Second).ShouldBe(FetchedOutcome.Taken);
        _second.LogEndOffset.ShouldBe(new Offset(1));
        _second.GetFetchPosition().IsSynced.ShouldBeFalse();
        commit.IsCompleted.ShouldBeFalse();

        _secondStore.Sync();
        Replicate(_second, _first, Second);
        (await commit).Error.ShouldBe(ErrorCode.None);
        _second.HighWatermark.ShouldBe(new Offset(1));
        _second.Availability.ShouldBe(ErrorCode.NotLeaderOrFollower);
    }

    [Fact]
    public async Task A_follower_that_reads_ahead_counts_as_far_as_it_has_synced()
    {
        var first = ProduceAsync(_first);
        var second = ProduceAsync(_first);
        _firstStore.Sync();
        Replicate(_second, _first, Second, maxBytes: 1);
        _secondStore.Sync();
        Replicate(_second, _first, Second, maxBytes: 1);
        (await first).Error.ShouldBe(ErrorCode.None);
        var position = _second.GetFetchPosition();
        (position.Offset, position.DurableEnd).ShouldBe((new Offset(2), new Offset(1)));

        Replicate(_second, _first, Second);
        second.IsCompleted.ShouldBeFalse("it has the batch, but not on its disk");
        _first.HighWatermark.ShouldBe(new Offset(1));
        _secondStore.Sync();
        Replicate(_second, _first, Second);
        (await second).Error.ShouldBe(ErrorCode.None);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whoever_waits_for_a_followers_sync_hears_that_it_follows_no_more(bool isClosed)
    {
        _ = ProduceAsync(_first);
        _firstStore.Sync();
        Replicate(_second, _first, Second);
        var told = 0;
        _second.Synced = () => told++;
        _second.GetFetchPosition().IsSynced.ShouldBeFalse();
        if (isClosed) _second.Close(ErrorCode.NotLeaderOrFollower);
        else Announce(leader: Second, epoch: 1, version: 1);
        told.ShouldBe(1);
        _secondStore.Sync();
        told.ShouldBe(1);
        _second.IsFollowing(First).ShouldBeFalse();
    }

    [Fact]
    public async Task A_deposed_leader_refuses_who_waits_and_cuts_what_the_new_one_lacks()
    {
        var lost = ProduceAsync(_first);
        SyncBoth();
        Announce(leader: Second, epoch: 1, version: 1);
        (await lost).Error.ShouldBe(ErrorCode.NotLeaderOrFollower);
        _ = ProduceAsync(_second);
        _ = ProduceAsync(_second);
        SyncBoth();

        Replicate(_first, _second, First).ShouldBe(FetchedOutcome.Taken);
        _first.LogEndOffset.ShouldBe(Offset.Zero);
        Replicate(_first, _second, First).ShouldBe(FetchedOutcome.Taken);
        _first.LogEndOffset.ShouldBe(new Offset(2));
        _first.EpochAt(Offset.Zero).ShouldBe(new LeaderEpoch(1));
        SyncBoth();
        Replicate(_first, _second, First);
        _second.HighWatermark.ShouldBe(new Offset(2));
    }

    [Fact]
    public void A_new_leader_serves_readers_only_when_it_knows_the_high_watermark()
    {
        _ = ProduceAsync(_first);
        SyncBoth();
        Replicate(_second, _first, Second);
        SyncBoth();
        Announce(leader: Second, epoch: 1, version: 1);
        Read(_second).ShouldBe(ErrorCode.OffsetNotAvailable);
        _second.KnowsHighWatermark.ShouldBeFalse();
        Replicate(_first, _second, First);
        Read(_second).ShouldBe(ErrorCode.None);
        _second.KnowsHighWatermark.ShouldBeTrue();
    }

    [Fact]
    public void Both_sides_are_fenced_by_the_epoch()
    {
        var position = _second.GetFetchPosition();
        Ask(_first, position with { LeaderEpoch = new LeaderEpoch(1) }).ShouldBe(ErrorCode.UnknownLeaderEpoch);
        Ask(_second, position).ShouldBe(ErrorCode.NotLeaderOrFollower);
        Announce(leader: First, epoch: 2, version: 1);
        Ask(_first, position).ShouldBe(ErrorCode.FencedLeaderEpoch);
        Take(_second, position, default, []).ShouldBe(FetchedOutcome.Outdated);
    }

    [Fact]
    public void A_follower_takes_nothing_that_is_damaged_misplaced_or_of_a_later_leader()
    {
        _ = ProduceAsync(_first);
        var position = _second.GetFetchPosition();
        var answer = _first.ReadAsFollower(Second, position, 1_000, atLeastOne: true);
        var bytes = Bytes(answer);
        var damaged = bytes.ToArray();
        damaged[^1] ^= 1;
        Take(_second, position, answer, damaged).ShouldBe(FetchedOutcome.Corrupt);
        var misplaced = bytes.ToArray();
        RecordBatchHeader.Assign(misplaced, new Offset(7), LeaderEpoch.Zero);
        Take(_second, position, answer, misplaced).ShouldBe(FetchedOutcome.Corrupt);
        var later = bytes.ToArray();
        RecordBatchHeader.Assign(later, Offset.Zero, new LeaderEpoch(1));
        Take(_second, position, answer, later).ShouldBe(FetchedOutcome.Corrupt);
        _second.LogEndOffset.ShouldBe(Offset.Zero);
        Take(_second, position, answer, bytes).ShouldBe(FetchedOutcome.Taken);
        _second.LogEndOffset.ShouldBe(new Offset(1));
    }

    [Fact]
    public async Task A_resigning_leader_serves_its_followers_and_no_producers()
    {
        var before = ProduceAsync(_first);
        _first.Resign();
        (await ProduceAsync(_first)).Error.ShouldBe(ErrorCode.NotLeaderOrFollower);
        SyncBoth();
        Replicate(_second, _first, Second);
        SyncBoth();
        Replicate(_second, _first, Second);
        (await before).Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void A_follower_that_caught_up_is_proposed_with_the_state_it_is_compared_with()
    {
        Announce(leader: First, epoch: 0, version: 5, inSync: [First]);
        Replicate(_second, _first, Second);
        _proposals.Last.ShouldNotBeNull().PartitionEpoch.ShouldBe(5);
        _proposals.Last.InSync.ShouldBe([First, Second]);
    }

    [Fact]
    public void A_follower_that_the_log_start_left_behind_starts_anew_there()
    {
        Announce(leader: First, epoch: 1, version: 1, inSync: [First]);
        for (var i = 0; i < 3; i++) _ = ProduceAsync(_first, records: 3);
        SyncBoth();
        _first.DeleteRecords(new Offset(4)).Error.ShouldBe(ErrorCode.None);

        Follow().ShouldBe(FetchedOutcome.Reset);
        _second.GetFetchPosition().IsSynced.ShouldBeFalse("the empty log at offset 4 is not synced yet");
        _secondStore.Sync();
        _second.GetFetchPosition().ShouldBe(
            new FetchPosition(new Offset(4), new Offset(4), LeaderEpoch.None, new LeaderEpoch(1)));

        Follow().ShouldBe(FetchedOutcome.Taken);
        _secondStore.Sync();
        (_second.LogStartOffset, _second.LogEndOffset).ShouldBe((new Offset(4), new Offset(9)));
        var restarted = Open(_secondStore.Restart(), Second);
        (restarted.LogStartOffset, restarted.LogEndOffset).ShouldBe((new Offset(4), new Offset(9)));
        restarted.EpochAt(new Offset(8)).ShouldBe(new LeaderEpoch(1));
    }

    [Fact]
    public void A_log_that_an_unclean_election_left_without_its_beginning_starts_anew()
    {
        Announce(leader: First, epoch: 1, version: 1, inSync: [First]);
        for (var i = 0; i < 3; i++) _ = ProduceAsync(_first);
        SyncBoth();
        _first.DeleteRecords(new Offset(2)).Error.ShouldBe(ErrorCode.None);
        Announce(leader: Second, epoch: 2, version: 2, inSync: [Second]);
        _ = ProduceAsync(_second);
        SyncBoth();

        Replicate(_first, _second, First).ShouldBe(FetchedOutcome.Reset);
        SyncBoth();
        Replicate(_first, _second, First).ShouldBe(FetchedOutcome.Taken);
        (_first.LogStartOffset, _first.LogEndOffset).ShouldBe((Offset.Zero, new Offset(1)));
        _first.EpochAt(Offset.Zero).ShouldBe(new LeaderEpoch(2));
    }

    [Fact]
    public void Only_what_is_on_disk_now_is_committed_though_the_news_of_a_sync_come_late()
    {
        for (var i = 0; i < 4; i++) _ = ProduceAsync(_first);
        SyncBoth();

        // The thread that synced has yet to tell the deposed leader, which is cut, elected again and grows.
        Announce(leader: Second, epoch: 1, version: 1);
        Replicate(_first, _second, First);
        _first.LogEndOffset.ShouldBe(Offset.Zero);
        Announce(leader: First, epoch: 2, version: 2, inSync: [First]);
        for (var i = 0; i < 4; i++) _ = ProduceAsync(_first);
        ((IPartitionLogObserver)_first).OnDurable(new Offset(4));
        _first.HighWatermark.ShouldBe(Offset.Zero);
        _firstStore.Sync();
        _first.HighWatermark.ShouldBe(new Offset(4));
    }

    [Fact]
    public void Who_is_in_sync_does_not_depend_on_how_the_wall_clock_is_set()
    {
        const int LagMaxMs = 10_000;
        Replicate(_second, _first, Second);
        _time.SetClock(TimeSpan.FromHours(1));
        _first.CheckLag(LagMaxMs);
        _proposals.Last.ShouldBeNull();

        _time.SetClock(TimeSpan.FromHours(-2));
        _time.AdvanceMs(LagMaxMs + 1);
        _first.CheckLag(LagMaxMs);
        _proposals.Last.ShouldNotBeNull().InSync.ShouldBe([First]);
    }

    private FetchedOutcome Follow()
    {
        var position = _second.GetFetchPosition();
        var answer = _first.ReadAsFollower(Second, position, 1_000, atLeastOne: true);
        return Take(_second, position, answer, Bytes(answer));
    }

    private static PartitionRead ReadAll(PartitionReplica replica) =>
        replica.Read(Offset.Zero, 1_000, atLeastOne: true, ReadIsolation.Uncommitted);

    private static ErrorCode Read(PartitionReplica replica)
    {
        var read = ReadAll(replica);
        read.Records?.Release();
        return read.Error;
    }

    private static ErrorCode Ask(PartitionReplica leader, FetchPosition position) =>
        leader.ReadAsFollower(Second, position, 1_000, atLeastOne: true).Error;

    private static FetchedOutcome Take(PartitionReplica replica, FetchPosition position, FollowerRead answer, byte[] bytes) =>
        replica.TakeFetched(position, answer, new ReadOnlySequence<byte>(bytes));

    private static Task<AppendResult> ProduceAsync(PartitionReplica replica, int records = 1) =>
        replica.AppendAndCommitAsync(Batches.Bytes(records, timestampMs: -1), TestContext.Current.CancellationToken);

    private static FetchedOutcome Replicate(PartitionReplica follower, PartitionReplica leader, NodeId node, int maxBytes = 1_000)
    {
        var position = follower.GetFetchPosition();
        var answer = leader.ReadAsFollower(node, position, maxBytes, atLeastOne: true);
        answer.Error.ShouldBe(ErrorCode.None);
        return Take(follower, position, answer, Bytes(answer));
    }

    private static byte[] Bytes(FollowerRead answer)
    {
        if (answer.Records is not { } records) return [];
        var bytes = new ArrayBufferWriter<byte>();
        records.CopyTo(bytes);
        records.Release();
        return bytes.WrittenSpan.ToArray();
    }

    private PartitionReplica Open(FakeLogStore store, NodeId node) =>
        new(store, Orders, TopicConfig.Default with { MinInSyncReplicas = 1 }, node, _time, _proposals);

    private void Announce(NodeId leader, int epoch, int version, params NodeId[] inSync)
    {
        var state = new PartitionState
        {
            Replicas = [First, Second],
            InSync = inSync.Length == 0 ? [First, Second] : [.. inSync],
            Leader = leader,
            LeaderEpoch = new LeaderEpoch(epoch),
            PartitionEpoch = version,
        };
        _first.Apply(state);
        _second.Apply(state);
    }

    private void SyncBoth()
    {
        _firstStore.Sync();
        _secondStore.Sync();
    }

    private sealed class Proposals : IInSyncControl
    {
        public InSyncProposal? Last { get; private set; }

        public void Propose(TopicIdPartition partition, InSyncProposal proposal) => Last = proposal;
    }
}
