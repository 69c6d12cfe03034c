using System.Collections.Concurrent;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

/// <summary>Members that go on reading through rebalances (KIP-429).</summary>
public sealed class CooperativeGroupTests
{
    private const string Topic = "orders";
    private const string GroupId = "billing";
    private static readonly GroupConsumerOptions Quick = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(20),
        Strategies = [AssignmentStrategy.CooperativeSticky],
    };

    private readonly FakeLoire _loire = new();
    private readonly ILoireClient _client;

    public CooperativeGroupTests()
    {
        _client = _loire.CreateClient();
        _loire.AddTopic(Topic, 4);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_what_moves_is_handed_over_and_nothing_is_read_twice()
    {
        var seen = new ConcurrentQueue<int>();
        using var stopFirst = new CancellationTokenSource();
        using var stopSecond = new CancellationTokenSource();
        Told one = new();
        Told two = new();
        var first = ReadUntilAsync(one.By(Quick), seen, stopFirst.Token);
        await WriteAsync(0, 200);
        await Eventually.IsTrueAsync(() => seen.Count >= 200);
        one.Owned.ShouldBe([0, 1, 2, 3]);

        var second = ReadUntilAsync(two.By(Quick), seen, stopSecond.Token);
        await Eventually.IsTrueAsync(() => two.Owned.Count == 2);
        one.Owned.Concat(two.Owned).ShouldBe([0, 1, 2, 3], ignoreOrder: true);
        one.Assigned.Count.ShouldBe(4, "what stays is not given anew");
        await WriteAsync(200, 400);
        await Eventually.IsTrueAsync(() => seen.Count >= 400);

        await stopFirst.CancelAsync();
        await first;
        await Eventually.IsTrueAsync(() => two.Owned.Count == 4);
        two.Revoked.ShouldBeEmpty();
        await WriteAsync(400, 600);
        await Eventually.IsTrueAsync(() => seen.Count >= 600);
        await stopSecond.CancelAsync();
        await second;
        seen.ShouldBe(Enumerable.Range(0, 600), ignoreOrder: true);
    }

    /// <summary>The second member gets partitions 2 and 3 of the first one's.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(3, true)]
    public async Task A_rebalance_waits_for_a_batch_in_hand_only_where_its_partition_moves(int partition, bool isWaitedFor)
    {
        await using var producer = _client.CreateProducer();
        await producer.ProduceAsync(Topic, key: null, new byte[4], partition: partition, cancellationToken: Cancelled);
        Told one = new();
        Told two = new();
        await using var first = _client.CreateGroupConsumer(GroupId, [Topic], one.By(Quick)).GetAsyncEnumerator(Cancelled);
        (await first.MoveNextAsync()).ShouldBeTrue();
        first.Current.Partition.ShouldBe(partition);

        using var stop = new CancellationTokenSource();
        var second = ReadUntilAsync(two.By(Quick), [], stop.Token);
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).Generation >= 2);
        var next = Task.CompletedTask;
        if (isWaitedFor)
        {
            two.Owned.ShouldBeEmpty();
            next = first.MoveNextAsync().AsTask();
        }
        await Eventually.IsTrueAsync(() => two.Owned.Count == 2);
        two.Owned.ShouldBe([2, 3]);
        (_loire.Group(GroupId).Committed(Topic, partition) is not null).ShouldBe(isWaitedFor);
        await producer.ProduceAsync(Topic, key: null, new byte[4], partition: 0, cancellationToken: Cancelled);
        await next;
        await stop.CancelAsync();
        await second;
    }

    [Fact]
    public async Task A_member_with_another_strategy_beside_it_hands_everything_back()
    {
        Told one = new();
        Told two = new();
        var options = Quick with { Strategies = [AssignmentStrategy.CooperativeSticky, AssignmentStrategy.Range] };
        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentQueue<int>();
        var first = ReadUntilAsync(one.By(options), seen, stop.Token);
        await Eventually.IsTrueAsync(() => one.Owned.Count == 4);
        var second = ReadUntilAsync(two.By(options), seen, stop.Token);
        await Eventually.IsTrueAsync(() => one.Owned.Count == 2 && two.Owned.Count == 2);
        one.Revoked.Distinct().Count().ShouldBe(4);
        await stop.CancelAsync();
        await Task.WhenAll(first, second);
    }

    private async Task ReadUntilAsync(GroupConsumerOptions options, ConcurrentQueue<int> seen, CancellationToken stop)
    {
        try
        {
            await foreach (var batch in _client.CreateGroupConsumer(GroupId, [Topic], options).WithCancellation(stop))
            {
                foreach (var record in batch)
                    seen.Enqueue(BitConverter.ToInt32(record.Value!.Value.Span));
            }
        }
        catch (OperationCanceledException)
        {
            stop.IsCancellationRequested.ShouldBeTrue();
        }
    }

    private async Task WriteAsync(int from, int to)
    {
        await using var producer = _client.CreateProducer();
        await Task.WhenAll(Enumerable.Range(from, to - from).Select(i => producer.ProduceAsync(
            Topic, BitConverter.GetBytes(i), BitConverter.GetBytes(i), cancellationToken: Cancelled).AsTask()));
    }
}
