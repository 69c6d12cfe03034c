using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class PartitionCoreTests
{
    private static readonly NodeId Self = new(1);
    private static readonly NodeId Other = new(2);
    private readonly PartitionCore _core = new(Self);
    private readonly EffectList _effects = EffectList.Rent();
    private readonly Told _told = new();

    [Fact]
    public void Before_it_leads_it_refuses()
    {
        _core.Availability.ShouldBe(ErrorCode.NotLeaderOrFollower);
        Check(RequiredAcks.Leader).ShouldBe(ErrorCode.NotLeaderOrFollower);
    }

    [Fact]
    public void A_batch_is_committed_when_it_is_durable_and_in_order_of_offsets()
    {
        Lead(Self);
        Append(records: 2, slot: 0);
        Append(records: 3, slot: 1);
        Append(records: 1, slot: 2);
        _core.HighWatermark.ShouldBe(Offset.Zero);

        Durable(Self, 5);

        _core.HighWatermark.ShouldBe(new Offset(5));
        _told.Commits.ShouldBe([(0, ErrorCode.None), (1, ErrorCode.None)]);
        Durable(Self, 6);
        _told.Commits[^1].ShouldBe((2, ErrorCode.None));
    }

    [Fact]
    public void The_high_watermark_is_the_smallest_durable_end_in_sync_and_never_falls()
    {
        Lead(Self, Other);
        Append(records: 10, slot: 0);
        Durable(Self, 10);
        _core.HighWatermark.ShouldBe(Offset.Zero);

        Durable(Other, 4);
        _core.HighWatermark.ShouldBe(new Offset(4));
        _told.Commits.ShouldBeEmpty();

        Durable(Other, 3);
        Durable(new NodeId(9), 1);
        _core.HighWatermark.ShouldBe(new Offset(4));

        Durable(Other, 10);
        _told.Commits.ShouldBe([(0, ErrorCode.None)]);
    }

    [Fact]
    public void Too_few_in_sync_refuses_acks_all_only()
    {
        Lead([Self, Other, new NodeId(3)], [Self]);
        Check(RequiredAcks.All, minInSync: 2).ShouldBe(ErrorCode.NotEnoughReplicas);
        Check(RequiredAcks.Leader, minInSync: 2).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void The_minimum_in_sync_counts_as_no_more_than_there_are_replicas()
    {
        Lead(Self);
        Check(RequiredAcks.All, minInSync: 2).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public void Produce_is_answered_before_fetches_wake()
    {
        Lead(Self);
        _core.Watch(Watch(seen: 0), _effects);
        Append(records: 1, slot: 7);
        Durable(Self, 1);
        _told.Order.ShouldBe(["commit 7", "available 61"]);
    }

    [Fact]
    public void A_watch_hears_the_bytes_that_became_readable_until_it_leaves()
    {
        Lead(Self);
        var watch = Watch(seen: 0);
        _core.Watch(watch, _effects);
        Append(1, 0);
        Append(1, 1);
        Durable(Self, 1);
        Durable(Self, 2);
        _core.Unwatch(watch);
        Append(1, 2);
        Durable(Self, 3);
        _told.Available.ShouldBe([61, 61]);
    }

    [Fact]
    public void A_watch_that_missed_an_advance_is_told_at_once()
    {
        Lead(Self);
        Append(1, 0);
        Durable(Self, 1);
        _core.Watch(Watch(seen: 0), _effects);
        _effects.RunAndReturn();
        _told.Available.ShouldBe([long.MaxValue]);
    }

    [Fact]
    public void Watches_leave_in_any_order()
    {
        Lead(Self);
        var watches = Enumerable.Range(0, 5).Select(_ => Watch(seen: 0)).ToArray();
        foreach (var watch in watches) _core.Watch(watch, _effects);
        foreach (var i in new[] { 2, 0, 4, 4 }) _core.Unwatch(watches[i]);
        Append(1, 0);
        Durable(Self, 1);
        _told.Available.Count.ShouldBe(2);
    }

    [Fact]
    public void A_failed_log_answers_who_waits_and_stays_readable()
    {
        Lead(Self);
        Append(1, 0);
        Durable(Self, 1);
        Append(1, 1);
        _core.FailWrites(_effects);
        _effects.RunAndReturn();

        _told.Commits.ShouldBe([(0, ErrorCode.None), (1, ErrorCode.KafkaStorageError)]);
        Check(RequiredAcks.Leader).ShouldBe(ErrorCode.KafkaStorageError);
        _core.Availability.ShouldBe(ErrorCode.None);
        Await(end: 1, slot: 2);
        Await(end: 2, slot: 3);
        _told.Commits[2..].ShouldBe([(2, ErrorCode.None), (3, ErrorCode.KafkaStorageError)]);
    }

    [Fact]
    public void Closing_answers_producers_and_fetchers()
    {
        Lead(Self);
        _core.Watch(Watch(seen: 0), _effects);
        Append(1, 0);
        _core.Close(ErrorCode.UnknownTopicOrPartition, _effects);
        _core.Close(ErrorCode.NotLeaderOrFollower, _effects);
        _effects.RunAndReturn();

        _told.Commits.ShouldBe([(0, ErrorCode.UnknownTopicOrPartition)]);
        _told.Changes.ShouldBe(1);
        _core.Availability.ShouldBe(ErrorCode.UnknownTopicOrPartition);
    }

    [Fact]
    public void Waiting_for_what_is_already_in_the_log_ends_with_its_commit()
    {
        Lead(Self);
        Append(2, 0);
        Await(end: 1, slot: 1);
        Durable(Self, 2);
        _told.Commits.ShouldBe([(0, ErrorCode.None), (1, ErrorCode.None)]);
    }

    [Fact]
    public void An_epoch_in_which_this_replica_led_and_wrote_nothing_leaves_no_trace()
    {
        var state = PartitionState.Sole(Self, new LeaderEpoch(4));
        _core.BecomeLeader(new LeaderState(state, Offset.Zero, Offset.Zero, nowMs: 0), Offset.Zero, Offset.Zero);
        _core.BecomeFollower(new FollowerState(Other, new LeaderEpoch(5), Offset.Zero), _effects);
        _core.ReplayAppend(Batches.Header(records: 2) with { PartitionLeaderEpoch = new LeaderEpoch(3) }, nowMs: 0);
        _core.EpochAt(Offset.Zero).ShouldBe(new LeaderEpoch(3));
    }

    private void Lead(params NodeId[] inSync) => Lead(inSync, inSync);

    private void Lead(NodeId[] replicas, NodeId[] inSync)
    {
        var state = PartitionState.Sole(Self, LeaderEpoch.Zero) with { Replicas = [.. replicas], InSync = [.. inSync] };
        _core.BecomeLeader(new LeaderState(state, Offset.Zero, Offset.Zero, nowMs: 0), Offset.Zero, Offset.Zero);
    }

    private ErrorCode Check(RequiredAcks acks, int minInSync = 1) => _core.CheckAppend(Batches.Header(), acks, minInSync, out _);

    private void Append(int records, int slot) =>
        _core.Appended(Batches.Header(records, baseOffset: _core.LogEnd), nowMs: 0, _told, slot, _effects);

    private void Await(long end, int slot)
    {
        _core.AwaitCommit(new Offset(end), _told, slot, _effects);
        _effects.RunAndReturn();
    }

    private void Durable(NodeId replica, long end)
    {
        _core.Durable(replica, new Offset(end), _effects);
        _effects.RunAndReturn();
    }

    private FetchWatch Watch(long seen) => new() { Listener = _told, Seen = new Offset(seen) };

    private sealed class Told : ICommitListener, IFetchListener
    {
        public List<(int Slot, ErrorCode Error)> Commits { get; } = [];
        public List<long> Available { get; } = [];
        public List<string> Order { get; } = [];
        public int Changes { get; private set; }

        public void OnCommitted(int slot, ErrorCode error)
        {
            Commits.Add((slot, error));
            Order.Add($"commit {slot}");
        }

        public void OnAvailable(long addedBytes)
        {
            Available.Add(addedBytes);
            Order.Add($"available {addedBytes}");
        }

        public void OnPartitionChanged() => Changes++;
    }
}
