using System.Globalization;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

/// <summary>Streams whose log loses under them what was read of it.</summary>
public sealed class LogLifeTests
{
    private const string Topic = ImplicitSubscriberGrain.Topic;

    private readonly string _key = EventJournal.NewKey();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_events_of_a_topic_that_was_created_anew_are_delivered_from_its_beginning()
    {
        await using var cluster = await StartAsync();
        await WriteAsync(cluster, "old", 5);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 5);
        await CreateAnewAsync(cluster.Loire);
        await WriteAsync(cluster, "new", 1);
        await Eventually.IsTrueAsync(() => EventJournal.Of(_key).Contains("new-0"));
        await Eventually.IsTrueAsync(() => Kept(cluster) == 1);
        EventJournal.Of(_key).Count.ShouldBe(6, "nothing is delivered twice");
    }

    [Fact]
    public async Task An_event_of_a_new_topic_is_not_taken_for_one_of_the_old()
    {
        await using var cluster = await StartAsync();
        await WriteAsync(cluster, "old", 1);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 1);
        await CreateAnewAsync(cluster.Loire);
        await WriteAsync(cluster, "new", 1);
        await Eventually.IsTrueAsync(() => EventJournal.Of(_key).Contains("new-0"));
        EventJournal.OffsetsOf(_key).ShouldBe([0, 0]);
    }

    [Fact]
    public async Task What_is_written_to_a_log_that_was_cut_is_delivered()
    {
        await using var cluster = await StartAsync();
        await WriteAsync(cluster, "old", 10);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 10);
        cluster.Loire.Partition(Topic, 0).CutTo(5);
        await WriteAsync(cluster, "new", 2);
        await Eventually.IsTrueAsync(() => EventJournal.Of(_key).Contains("new-1"));
        EventJournal.Of(_key).Distinct().Count().ShouldBe(12);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 7);
    }

    [Fact]
    public async Task After_a_cut_delivery_goes_on_at_the_end_where_it_is_to_start_there()
    {
        await using var cluster = await StartAsync(options => options.StartAt = OffsetReset.Latest);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 0);
        await WriteAsync(cluster, "old", 10);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 10);
        cluster.Loire.Partition(Topic, 0).CutTo(9);
        await Eventually.IsTrueAsync(() => Kept(cluster) == 9);
        await WriteAsync(cluster, "new", 1);
        await Eventually.IsTrueAsync(() => EventJournal.Of(_key).Contains("new-0"));
        EventJournal.OffsetsOf(_key).ShouldBe([.. Enumerable.Range(0, 10), 9]);
    }

    [Fact]
    public async Task A_position_of_a_topic_that_is_gone_is_none_of_the_new_one()
    {
        var loire = new FakeLoire();
        await using (var before = await StartAsync(loire: loire))
        {
            await WriteAsync(before, "old", 3);
            await Eventually.IsTrueAsync(() => Kept(before) == 3);
        }
        await CreateAnewAsync(loire);
        await using var after = await StartAsync(options => options.StartAt = OffsetReset.Latest, loire);
        await WriteAsync(after, "new", 6);
        await Eventually.IsTrueAsync(() => EventJournal.Of(_key).Contains("new-5"));
        EventJournal.Of(_key).Skip(3).ShouldBe(Enumerable.Range(0, 6).Select(i => Name("new", i)));
    }

    [Fact]
    public async Task A_queue_that_was_given_up_loads_nothing_more_and_is_not_kept()
    {
        var loire = new FakeLoire();
        var client = (LoireClient)loire.CreateClient();
        var context = new StreamContext(
            "provider", client.Context, new LoireStreamOptions(), new ServiceCollection().BuildServiceProvider(), TimeSpan.Zero);
        PartitionQueue? givenUp = null;
        var queue = new PartitionQueue(context, "missing", 0, gone => givenUp = gone);
        var loader = new PageLoader(context, "missing", 0, queue.Stopped);
        PageRequest? request = null;
        loader.Window = new LogWindow(1_000, asked => request = asked);
        loader.Window.Restart(10, 1);
        using var cursor = loader.Window.Open(
            StreamId.Create("missing", "key"), LogLife.TokenOf(5, 1), batchSize: 1, DeliveryFailurePolicy.Retry);
        cursor.MoveNext().ShouldBeFalse();
        var loading = loader.LoadAsync(request!);
        await Eventually.IsTrueAsync(() => loire.Partition("missing", 0).Reads > 2);
        await queue.Shutdown(TimeSpan.FromSeconds(1));
        await loading.WaitAsync(Eventually.Patience, Cancelled);
        givenUp.ShouldBeSameAs(queue);
    }

    [Fact]
    public async Task Partitions_that_nobody_would_read_stop_the_delivery_also_when_they_come_later()
    {
        var loire = new FakeLoire();
        loire.AddTopic(Topic, 1);
        var client = (LoireClient)loire.CreateClient();
        await using var producer = client.CreateProducer();
        var context = new StreamContext(
            "provider",
            client.Context,
            new LoireStreamOptions { PartitionsPerTopic = 1 },
            new ServiceCollection().BuildServiceProvider(),
            TimeSpan.Zero);
        var queue = new PartitionQueue(context, Topic, 0, _ => { });
        await producer.ProduceAsync(Topic, default(byte[]), [1], cancellationToken: Cancelled);
        await Eventually.AnswersAsync(() => queue.GetQueueMessagesAsync(10, Cancelled), messages => messages.Count == 1);
        queue.AddToCache([]);
        await client.Admin.AddPartitionsAsync(Topic, 2, Cancelled);
        await client.Admin.DescribeTopicAsync(Topic, Cancelled);
        await producer.ProduceAsync(Topic, default(byte[]), [2], partition: 0, cancellationToken: Cancelled);
        (await queue.GetQueueMessagesAsync(10, Cancelled)).ShouldBeEmpty();
        await queue.Shutdown(TimeSpan.FromSeconds(1));
    }

    private static Task<StreamCluster> StartAsync(Action<LoireStreamOptions>? configure = null, FakeLoire? loire = null) =>
        StreamCluster.StartAsync(
            configure: options =>
            {
                options.PartitionsPerTopic = 1;
                configure?.Invoke(options);
            },
            loire: loire);

    /// <summary>The provider may be faster to create it.</summary>
    private static async Task CreateAnewAsync(FakeLoire loire)
    {
        var admin = loire.CreateClient().Admin;
        await admin.DeleteTopicAsync(Topic, Cancelled);
        await admin.CreateTopicIfMissingAsync(Topic, 1, cancellationToken: Cancelled);
    }

    private async Task WriteAsync(StreamCluster cluster, string name, int count)
    {
        for (var i = 0; i < count; i++)
            await cluster.Stream(Topic, _key).OnNextAsync(Name(name, i));
    }

    private static string Name(string name, int i) => string.Create(CultureInfo.InvariantCulture, $"{name}-{i}");

    private static long Kept(StreamCluster cluster) =>
        cluster.Loire.Group("streams-" + StreamCluster.Provider).Committed(Topic, 0) ?? -1;
}
