using System.Collections.Concurrent;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class GroupCoordinatorTests
{
    private readonly ManualTime _time = new();
    private readonly FakeCoordinatorLog _log = new();

    [Fact]
    public async Task Offsets_survive_a_restart()
    {
        await using (var coordinator = await StartAsync())
        {
            (await CommitAsync(coordinator, "g", 0, 41)).ShouldBe(ErrorCode.None);
            (await CommitAsync(coordinator, "g", 0, 42)).ShouldBe(ErrorCode.None);
        }
        await using var restarted = await StartAsync();
        (await FetchAsync(restarted, "g", 0)).ShouldBe(42);
    }

    [Fact]
    public async Task Commands_are_told_that_it_loads_and_heartbeats_are_not_frightened()
    {
        await using var coordinator = Create();
        (await CommitAsync(coordinator, "g", 0, 1)).ShouldBe(ErrorCode.CoordinatorLoadInProgress);
        coordinator.List().Error.ShouldBe(ErrorCode.CoordinatorLoadInProgress);
        var heartbeat = new ReplyTask<ErrorCode>();
        coordinator.Submit(new HeartbeatCommand(new GroupId("g"), "m", null, 1, heartbeat));
        (await heartbeat.Task).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task Commits_that_come_while_one_is_written_share_a_batch()
    {
        var gate = new TaskCompletionSource();
        _log.Before = () => gate.Task;
        await using var coordinator = await StartAsync();

        var commits = Enumerable.Range(0, 1_000).Select(i => CommitAsync(coordinator, $"g{i}", 0, i)).ToList();
        gate.SetResult();

        (await Task.WhenAll(commits)).ShouldAllBe(error => error == ErrorCode.None);
        _log.AppendCount.ShouldBeLessThanOrEqualTo(3);
    }

    [Fact]
    public async Task A_commit_of_more_than_a_batch_is_spread_over_several()
    {
        _log.MaxBatchBytes = 2_000;
        await using var coordinator = await StartAsync();
        var offsets = Enumerable.Range(0, 200).Select(i => ToCommit(i, i)).ToList();
        (await CommitAsync(coordinator, "g", offsets)).ShouldAllBe(error => error == ErrorCode.None);
        _log.AppendCount.ShouldBeGreaterThan(1);
        (await FetchAsync(coordinator, "g", 199)).ShouldBe(199);
    }

    [Fact]
    public async Task A_record_larger_than_a_batch_is_refused_and_the_others_go_on()
    {
        _log.MaxBatchBytes = 2_000;
        await using var coordinator = await StartAsync();
        var large = CommitAsync(coordinator, "g", [ToCommit(0, 1), ToCommit(1, 1, new string('x', 3_000)), ToCommit(2, 1)]);
        var small = CommitAsync(coordinator, "h", 0, 7);
        (await large).ShouldAllBe(error => error == ErrorCode.UnknownServerError);
        (await small).ShouldBe(ErrorCode.None);
        (await CommitAsync(coordinator, "g", 2, 8)).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task A_refused_batch_fails_its_commits_and_leaves_the_rest()
    {
        await using var coordinator = await StartAsync();
        await CommitAsync(coordinator, "g", 0, 1);
        _log.Fate = _ => AppendFate.Refuse;
        (await CommitAsync(coordinator, "g", 0, 2)).ShouldBe(ErrorCode.CoordinatorNotAvailable);
        (await FetchAsync(coordinator, "g", 0)).ShouldBe(1);
        _log.Fate = _ => AppendFate.Commit;
        (await CommitAsync(coordinator, "g", 0, 3)).ShouldBe(ErrorCode.None);
    }

    [Theory]
    [InlineData(AppendFate.LoseBefore, 1)]
    [InlineData(AppendFate.LoseAfter, 2)]
    internal async Task When_the_fate_of_a_batch_is_not_known_the_log_tells(AppendFate fate, long expected)
    {
        await using var coordinator = await StartAsync();
        await CommitAsync(coordinator, "g", 0, 1);
        _log.Fate = _ => fate;
        (await CommitAsync(coordinator, "g", 0, 2)).ShouldBe(ErrorCode.NotCoordinator);
        _log.Fate = _ => AppendFate.Commit;
        await WaitUntilActiveAsync(coordinator);
        (await FetchAsync(coordinator, "g", 0)).ShouldBe(expected);
    }

    [Fact]
    public async Task Timers_run_on_the_time_provider()
    {
        await using var coordinator = await StartAsync();
        var join = Join(coordinator, "g");
        join.IsCompleted.ShouldBeFalse();
        _time.Advance(3_000);
        var member = await join.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        member.Generation.ShouldBe(1);
        _time.Advance(60_000);
        await Eventually.IsTrueAsync(() => coordinator.Describe(new GroupId("g")).Group?.State == "Empty");
    }

    [Fact]
    public async Task A_deadline_further_away_than_a_timer_reaches_keeps_nobody_from_working()
    {
        var days = (long)TimeSpan.FromDays(100).TotalMilliseconds;
        var configs = new FixedBrokerConfigs(new BrokerConfig { OffsetsRetentionCheckIntervalMs = days });
        await using var coordinator = new GroupCoordinator(_log, configs, TimeProvider.System, NullLogger.Instance);
        coordinator.Start();
        await coordinator.Loaded.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        (await CommitAsync(coordinator, "g", 0, 1)).ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task Disposal_answers_all_who_wait()
    {
        var coordinator = await StartAsync();
        var join = Join(coordinator, "g");
        _log.Before = () => new TaskCompletionSource().Task;
        var commit = CommitAsync(coordinator, "h", 0, 1);
        await coordinator.DisposeAsync();
        (await join.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken)).Error.ShouldBe(ErrorCode.NotCoordinator);
        (await commit.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken)).ShouldBe(ErrorCode.NotCoordinator);
        (await CommitAsync(coordinator, "h", 0, 1)).ShouldBe(ErrorCode.NotCoordinator);
    }

    [Fact]
    public async Task A_log_that_grows_past_its_live_state_is_written_again_from_its_middle()
    {
        _log.MaxBatchBytes = 4_000;
        await using (var coordinator = await StartAsync(snapshotBytes: 50_000))
        {
            for (var round = 0; round < 60; round++)
            {
                (await CommitAsync(coordinator, "g", [.. Enumerable.Range(0, 100).Select(i => ToCommit(i, round))]))
                    .ShouldAllBe(error => error == ErrorCode.None);
            }
            _log.Start.ShouldBeGreaterThan(Offset.Zero);
            _log.SizeBytes.ShouldBeLessThan(200_000);
        }
        await using var restarted = await StartAsync();
        for (var i = 0; i < 100; i++)
            (await FetchAsync(restarted, "g", i)).ShouldBe(59);
    }

    [Fact]
    public async Task Under_load_with_a_log_that_loses_batches_nothing_acknowledged_goes_back()
    {
        var random = new Random(7);
        _log.MaxBatchBytes = 3_000;
        _log.Fate = _ => random.Next(12) switch
        {
            0 => AppendFate.Refuse,
            1 => AppendFate.LoseBefore,
            2 => AppendFate.LoseAfter,
            _ => AppendFate.Commit,
        };
        var acknowledged = new ConcurrentDictionary<int, long>();
        await using (var coordinator = await StartAsync(snapshotBytes: 20_000))
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(async client =>
            {
                for (var offset = 1L; offset <= 60; offset++)
                {
                    while (await CommitAsync(coordinator, $"g{client % 5}", client, offset) != ErrorCode.None)
                        await Task.Yield();
                    acknowledged[client] = offset;
                    if (await FetchAsync(coordinator, $"g{client % 5}", client) is { } read)
                        read.ShouldBe(offset);
                }
            }));
            _log.Fate = _ => AppendFate.Commit;
        }
        _log.Start.ShouldBeGreaterThan(Offset.Zero);
        await using var restarted = await StartAsync();
        foreach (var (client, offset) in acknowledged)
            (await FetchAsync(restarted, $"g{client % 5}", client)).ShouldBe(offset);
    }

    private static OffsetToCommit ToCommit(int partition, long offset, string metadata = "") => new(
        GroupWorld.Partition("topic", partition), TopicId.None, new Offset(offset), LeaderEpoch.None, metadata);

    private static async Task<ErrorCode> CommitAsync(GroupCoordinator coordinator, string group, int partition, long offset) =>
        (await CommitAsync(coordinator, group, [ToCommit(partition, offset)]))[0];

    private static Task<IReadOnlyList<ErrorCode>> CommitAsync(
        GroupCoordinator coordinator, string group, List<OffsetToCommit> offsets)
    {
        var reply = new ReplyTask<IReadOnlyList<ErrorCode>>();
        coordinator.Submit(new OffsetCommitCommand(new GroupId(group), "", null, -1, true, null, offsets, reply));
        return reply.Task.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Null while the coordinator loads.</summary>
    private static async Task<long?> FetchAsync(GroupCoordinator coordinator, string group, int partition)
    {
        var reply = new ReplyTask<OffsetFetchReply>();
        coordinator.Submit(new OffsetFetchCommand(
            new GroupId(group), [GroupWorld.Partition("topic", partition)], RequireStable: false, reply));
        var fetched = await reply.Task.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        return fetched.Error == ErrorCode.None ? fetched.Offsets[0].Value?.Offset.Value ?? -1 : null;
    }

    private static Task<JoinGroupReply> Join(GroupCoordinator coordinator, string group)
    {
        var reply = new ReplyTask<JoinGroupReply>();
        coordinator.Submit(new JoinGroupCommand(
            new GroupId(group), "", null, "client", "/host", 10_000, 60_000, "consumer", [new MemberProtocol("range", [])],
            null, false, true, Guid.NewGuid(), reply));
        return reply.Task;
    }

    private static Task WaitUntilActiveAsync(GroupCoordinator coordinator) =>
        Eventually.IsTrueAsync(() => coordinator.List().Error == ErrorCode.None);

    private GroupCoordinator Create(long snapshotBytes = GroupCoordinator.SnapshotBytes) =>
        new(_log, FixedBrokerConfigs.Default, _time, NullLogger.Instance, snapshotBytes);

    private async Task<GroupCoordinator> StartAsync(long snapshotBytes = GroupCoordinator.SnapshotBytes)
    {
        var coordinator = Create(snapshotBytes);
        coordinator.Start();
        await coordinator.Loaded.WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        return coordinator;
    }
}
