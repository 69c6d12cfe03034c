using System.Collections.Concurrent;
using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

public sealed class GroupConsumerTests
{
    private const string Topic = "orders";
    private const string GroupId = "billing";
    private static readonly GroupConsumerOptions Quick = new() { HeartbeatInterval = TimeSpan.FromMilliseconds(20) };

    private readonly FakeLoire _loire = new();
    private readonly ILoireClient _client;

    public GroupConsumerTests()
    {
        _client = _loire.CreateClient();
        _loire.AddTopic(Topic, 4);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_goes_on_where_the_last_one_stopped()
    {
        await WriteAsync(0, 100);
        (await ReadSomeAsync(60)).Count.ShouldBeGreaterThanOrEqualTo(60);
        await WriteAsync(100, 150);
        var committed = Enumerable.Range(0, 4).Sum(i => _loire.Group(GroupId).Committed(Topic, i) ?? 0);
        var rest = await ReadSomeAsync(150 - (int)committed);
        rest.Count.ShouldBe(150 - (int)committed);
        rest.ShouldContain(149);
        _loire.Group(GroupId).MembersCount.ShouldBe(0);
    }

    [Fact]
    public async Task The_batch_in_hand_is_not_committed_by_itself()
    {
        await WriteAsync(0, 10);
        await foreach (var batch in Consumer().WithCancellation(Cancelled))
        {
            batch.ShouldNotBeEmpty();
            break;
        }
        Enumerable.Range(0, 4).Select(i => _loire.Group(GroupId).Committed(Topic, i)).ShouldAllBe(offset => offset == null);
    }

    [Fact]
    public async Task What_is_committed_by_hand_stays()
    {
        await WriteAsync(0, 10);
        var consumer = Consumer(Quick with { IsAutoCommit = false });
        await foreach (var batch in consumer.WithCancellation(Cancelled))
        {
            await consumer.CommitAsync(batch, Cancelled);
            _loire.Group(GroupId).Committed(Topic, batch.Partition).ShouldBe(batch.NextOffset);
            break;
        }
    }

    [Fact]
    public async Task Two_members_share_the_partitions_and_lose_and_repeat_nothing()
    {
        var seen = new ConcurrentQueue<(int Reader, int Partition, int Value)>();
        using var stopFirst = new CancellationTokenSource();
        using var stopAll = new CancellationTokenSource();
        var first = ReadUntilAsync(1, seen, stopFirst.Token);
        await WriteAsync(0, 200);
        await Eventually.IsTrueAsync(() => seen.Count >= 200);

        var second = ReadUntilAsync(2, seen, stopAll.Token);
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).MembersCount == 2 && _loire.Group(GroupId).Generation > 1);
        await WriteAsync(200, 400);
        await Eventually.IsTrueAsync(() => seen.Count >= 400);
        seen.Where(entry => entry.Value >= 200).Select(entry => entry.Reader).Distinct().Order().ShouldBe([1, 2]);

        await stopFirst.CancelAsync();
        await first;
        await WriteAsync(400, 600);
        await Eventually.IsTrueAsync(() => seen.Count >= 600);
        await stopAll.CancelAsync();
        await second;
        seen.Select(entry => entry.Value).Order().ShouldBe(Enumerable.Range(0, 600));
        foreach (var partition in seen.GroupBy(entry => entry.Partition))
            partition.Select(entry => entry.Value).ShouldBeInOrder();
    }

    [Fact]
    public async Task A_rebalance_waits_for_the_batch_in_hand()
    {
        await WriteAsync(0, 1);
        await using var slow = Consumer().GetAsyncEnumerator(Cancelled);
        (await slow.MoveNextAsync()).ShouldBeTrue();
        var inHand = slow.Current;

        var seen = new ConcurrentQueue<(int Reader, int Partition, int Value)>();
        using var stop = new CancellationTokenSource();
        var other = ReadUntilAsync(2, seen, stop.Token);
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).MembersCount == 2);
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).Summons > 5);
        _loire.Group(GroupId).Generation.ShouldBe(1, "it was told often enough to have joined again");
        seen.ShouldBeEmpty();

        var next = slow.MoveNextAsync().AsTask();
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).Generation == 2);
        _loire.Group(GroupId).Committed(Topic, inHand.Partition).ShouldBe(inHand.NextOffset);
        await WriteAsync(4, 104);
        (await next).ShouldBeTrue();
        await stop.CancelAsync();
        await other;
    }

    [Fact]
    public async Task The_caller_hears_what_it_gets_and_loses()
    {
        await WriteAsync(0, 4);
        var told = new Told();
        await using (var reader = Consumer(told.By(Quick)).GetAsyncEnumerator(Cancelled))
        {
            (await reader.MoveNextAsync()).ShouldBeTrue();
            told.Owned.ShouldBe([0, 1, 2, 3]);
            told.Revoked.ShouldBeEmpty();
        }
        told.Owned.ShouldBeEmpty("the reading has ended");
    }

    [Fact]
    public async Task A_callback_that_fails_ends_the_reading_and_is_named()
    {
        var consumer = Consumer(Quick with { OnAssigned = _ => throw new IOException("no database") });
        await using var reader = consumer.GetAsyncEnumerator(Cancelled);
        var failure = await Should.ThrowAsync<InvalidOperationException>(() => reader.MoveNextAsync().AsTask());
        failure.Message.ShouldBe("OnAssigned of the consumer's options has failed: no database");
    }

    [Fact]
    public async Task A_batch_of_a_partition_that_is_gone_cannot_be_committed()
    {
        await WriteAsync(0, 4);
        var consumer = Consumer(Quick with { IsAutoCommit = false });
        ConsumeBatch? kept = null;
        await foreach (var batch in consumer.WithCancellation(Cancelled))
        {
            kept = batch;
            break;
        }
        await using var again = consumer.GetAsyncEnumerator(Cancelled);
        (await again.MoveNextAsync()).ShouldBeTrue();
        var refused = await Should.ThrowAsync<LoireException>(() => consumer.CommitAsync(kept!, Cancelled));
        refused.Error.ShouldBe((short)ErrorCode.IllegalGeneration);
        await consumer.CommitAsync(again.Current, Cancelled);
    }

    [Fact]
    public async Task The_deletion_of_one_topic_ends_the_reading_of_that_topic_alone()
    {
        const string Second = "second";
        _loire.AddTopic(Second, 1);
        await using var producer = _client.CreateProducer();
        await producer.ProduceAsync(Second, default(byte[]), BitConverter.GetBytes(1), cancellationToken: Cancelled);
        var revoked = new ConcurrentQueue<TopicPartition>();
        var options = Quick with
        {
            AutoCommitInterval = TimeSpan.FromMilliseconds(20),
            FetchWait = TimeSpan.FromMilliseconds(20),
            OnRevoked = partitions =>
            {
                foreach (var partition in partitions)
                    revoked.Enqueue(partition);
                return Task.CompletedTask;
            },
        };
        await using (var reader = _client.CreateGroupConsumer(GroupId, [Topic, Second], options).GetAsyncEnumerator(Cancelled))
        {
            (await reader.MoveNextAsync()).ShouldBeTrue();
            reader.Current.Topic.ShouldBe(Second);
            var next = reader.MoveNextAsync().AsTask();
            await _client.Admin.DeleteTopicAsync(Second, Cancelled);
            await Eventually.IsTrueAsync(() => revoked.Contains(new TopicPartition(Second, 0)));
            revoked.Count.ShouldBe(1);
            await WriteAsync(0, 1);
            (await next).ShouldBeTrue();
            reader.Current.Topic.ShouldBe(Topic);
        }
        revoked.Count.ShouldBe(5);
        _loire.Group(GroupId).MembersCount.ShouldBe(0);
    }

    [Fact]
    public async Task A_topic_that_is_created_anew_is_read_from_its_beginning()
    {
        _loire.AddTopic("anew", 1);
        await ProduceAsync("anew", 5);
        var options = Quick with
        {
            AutoCommitInterval = TimeSpan.FromMilliseconds(20),
            FetchWait = TimeSpan.FromMilliseconds(20),
        };
        await using var reader = _client.CreateGroupConsumer(GroupId, ["anew"], options).GetAsyncEnumerator(Cancelled);
        await ReadAsync(5);
        var next = reader.MoveNextAsync().AsTask();
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).Committed("anew", 0) == 5);

        // At once, and with more records than were read of the first one: nothing but its id tells them apart.
        var id = _loire.AddTopic("anew", 1).Id!.Value;
        await ProduceAsync("anew", 8);
        (await next).ShouldBeTrue();
        await ReadAsync(8, isBegun: true);
        next = reader.MoveNextAsync().AsTask();
        await Eventually.IsTrueAsync(() => _loire.Group(GroupId).Committed("anew", 0) == 8);
        var stored = await _loire.Group(GroupId).GetOffsetsAsync([new GroupPartition("anew", 0)]);
        stored[0].TopicId.ShouldBe(id);
        await ProduceAsync("anew", 1);
        (await next).ShouldBeTrue();

        async Task ReadAsync(int count, bool isBegun = false)
        {
            for (var read = 0L; read < count;)
            {
                if (!isBegun)
                    (await reader.MoveNextAsync()).ShouldBeTrue();
                isBegun = false;
                reader.Current[0].Offset.ShouldBe(read);
                read += reader.Current.Count;
            }
        }
    }

    [Fact]
    public async Task A_batch_of_a_topic_that_was_created_anew_cannot_be_committed()
    {
        await WriteAsync(0, 4);
        var consumer = Consumer(Quick with { IsAutoCommit = false });
        await using var reader = consumer.GetAsyncEnumerator(Cancelled);
        (await reader.MoveNextAsync()).ShouldBeTrue();
        _loire.AddTopic(Topic, 4);
        var refused = await Should.ThrowAsync<LoireException>(() => consumer.CommitAsync(reader.Current, Cancelled));
        refused.Error.ShouldBe((short)ErrorCode.UnknownTopicId);
        _loire.Group(GroupId).Committed(Topic, reader.Current.Partition).ShouldBeNull();
    }

    [Fact]
    public async Task A_member_takes_its_leave_though_its_last_offsets_belong_to_a_topic_that_is_gone()
    {
        await WriteAsync(0, 1);
        var told = new Told();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var processed = new TaskCompletionSource();
        var reading = ReadAsync();
        await processed.Task;
        await _client.Admin.DeleteTopicAsync(Topic, Cancelled);
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);
        told.Owned.ShouldBeEmpty();
        _loire.Group(GroupId).MembersCount.ShouldBe(0);

        async Task ReadAsync()
        {
            await using var reader = Consumer(told.By(Quick)).GetAsyncEnumerator(stop.Token);
            (await reader.MoveNextAsync()).ShouldBeTrue();
            var next = reader.MoveNextAsync();
            processed.SetResult();
            await next;
        }
    }

    private LoireGroupConsumer Consumer(GroupConsumerOptions? options = null) =>
        _client.CreateGroupConsumer(GroupId, [Topic], options ?? Quick);

    private async Task ReadUntilAsync(int reader, ConcurrentQueue<(int, int, int)> seen, CancellationToken stop)
    {
        try
        {
            await foreach (var batch in Consumer().WithCancellation(stop))
            {
                foreach (var record in batch)
                    seen.Enqueue((reader, batch.Partition, Value(record)));
            }
        }
        catch (OperationCanceledException)
        {
            stop.IsCancellationRequested.ShouldBeTrue();
        }
    }

    private async Task<List<int>> ReadSomeAsync(int count)
    {
        var values = new List<int>();
        await foreach (var batch in Consumer().WithCancellation(Cancelled))
        {
            values.AddRange(batch.Select(Value));
            if (values.Count >= count)
                break;
        }
        return values;
    }

    private async Task WriteAsync(int from, int to)
    {
        await using var producer = _client.CreateProducer();
        var answers = Enumerable.Range(from, to - from).Select(i => producer.ProduceAsync(
            Topic, BitConverter.GetBytes(i), BitConverter.GetBytes(i), cancellationToken: Cancelled).AsTask()).ToList();
        await Task.WhenAll(answers);
    }

    private async Task ProduceAsync(string topic, int count)
    {
        await using var producer = _client.CreateProducer();
        for (var i = 0; i < count; i++)
            await producer.ProduceAsync(topic, default(byte[]), BitConverter.GetBytes(i), cancellationToken: Cancelled);
    }

    private static int Value(ConsumeRecord record) => BitConverter.ToInt32(record.Value!.Value.Span);
}
