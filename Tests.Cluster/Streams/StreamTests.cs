using System.Globalization;
using System.Text;
using Loire.Tests.Cluster.Fakes;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

public sealed class StreamTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Implicit_subscribers_get_the_events_of_their_key_in_order()
    {
        await using var cluster = await StreamCluster.StartAsync();
        var keys = Enumerable.Range(0, 8).Select(_ => EventJournal.NewKey()).ToList();
        foreach (var i in Enumerable.Range(0, 20))
        {
            foreach (var key in keys)
                await cluster.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync(Name(i));
        }
        foreach (var key in keys)
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count >= 20);
            EventJournal.Of(key).ShouldBe(Enumerable.Range(0, 20).Select(Name));
            EventJournal.OffsetsOf(key).ShouldBeInOrder();
        }
    }

    [Fact]
    public async Task Explicit_subscribers_get_what_comes_after_they_subscribed_or_from_an_old_offset_on()
    {
        // A cache of a few events: whoever is behind reads the log.
        await using var cluster = await StreamCluster.StartAsync(configure: options =>
        {
            options.PartitionsPerTopic = 1;
            options.CacheSizeBytes = 2_000;
            options.BatchSize = 10;
        });
        var key = EventJournal.NewKey();
        var stream = cluster.Stream("explicit", key);
        var live = await stream.SubscribeAsync((item, token) =>
        {
            EventJournal.Add("client-" + key, item, token!.SequenceNumber);
            return Task.CompletedTask;
        });
        for (var i = 0; i < 50; i++)
            await stream.OnNextAsync(Name(i));
        await Eventually.IsTrueAsync(() => EventJournal.Of("client-" + key).Count >= 50);
        EventJournal.Of("client-" + key).ShouldBe(Enumerable.Range(0, 50).Select(Name));

        await cluster.Grains.GetGrain<IExplicitSubscriberGrain>(key).SubscribeAsync(StreamCluster.Provider, "explicit", 7);
        await Eventually.IsTrueAsync(() => EventJournal.Of("explicit-" + key).Count >= 43);
        EventJournal.OffsetsOf("explicit-" + key).ShouldBe(Enumerable.Range(7, 43).Select(i => (long)i));
        EventJournal.LargestCallOf("explicit-" + key).ShouldBeInRange(2, 10);

        await stream.OnNextAsync(Name(50));
        await Eventually.IsTrueAsync(() => EventJournal.Of("explicit-" + key).Count >= 44);
        EventJournal.Of("explicit-" + key)[^1].ShouldBe(Name(50));
        await live.UnsubscribeAsync();
    }

    [Fact]
    public async Task A_subscription_that_is_resumed_with_an_older_token_rewinds_with_the_next_event()
    {
        await using var cluster = await StreamCluster.StartAsync();
        var key = EventJournal.NewKey();
        var stream = cluster.Stream("explicit", key);
        var subscription = await stream.SubscribeAsync((item, token) => Note("first-" + key, item, token!));
        for (var i = 0; i < 10; i++)
            await stream.OnNextAsync(Name(i));
        await Eventually.IsTrueAsync(() => EventJournal.Of("first-" + key).Count == 10);

        var third = new EventSequenceTokenV2(EventJournal.OffsetsOf("first-" + key)[3]);
        await subscription.ResumeAsync((item, token) => Note("again-" + key, item, token!), third);
        await stream.OnNextAsync(Name(10));
        await Eventually.IsTrueAsync(() => EventJournal.Of("again-" + key).Contains(Name(10)));
        EventJournal.Of("again-" + key).ShouldBe(Enumerable.Range(3, 8).Select(Name));

        static Task Note(string journal, string item, StreamSequenceToken token)
        {
            EventJournal.Add(journal, item, token.SequenceNumber);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Without_a_PubSubStore_implicit_subscribers_are_served_and_others_are_refused()
    {
        await using var cluster = await StreamCluster.StartAsync(keepsSubscriptions: false);
        var key = EventJournal.NewKey();
        await cluster.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync("first");
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
        var refusal = await Should.ThrowAsync<Exception>(() =>
            cluster.Grains.GetGrain<IExplicitSubscriberGrain>(key).SubscribeAsync(StreamCluster.Provider, "explicit", 0));
        refusal.Message.ShouldContain("implicit", Case.Insensitive);
    }

    [Fact]
    public async Task A_new_activation_goes_on_where_the_last_one_stopped()
    {
        await using var cluster = await StreamCluster.StartAsync();
        var key = EventJournal.NewKey();
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        var grain = cluster.Grains.GetGrain<IImplicitSubscriberGrain>(key);
        for (var i = 0; i < 10; i++)
            await stream.OnNextAsync(Name(i));
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count >= 10);
        var first = await grain.IdentifyAsync();
        await grain.DeactivateAsync();
        for (var i = 10; i < 20; i++)
            await stream.OnNextAsync(Name(i));
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Contains(Name(19)));
        EventJournal.Of(key).Distinct().ShouldBe(Enumerable.Range(0, 20).Select(Name));
        (await grain.IdentifyAsync()).ShouldNotBe(first);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public async Task No_event_is_lost_when_activations_move_under_load(int batchSize)
    {
        await using var cluster = await StreamCluster.StartAsync(silos: 2, configure: options => options.BatchSize = batchSize);
        var key = EventJournal.NewKey();
        var subscribed = cluster.Grains.GetGrain<IExplicitSubscriberGrain>(key);
        await subscribed.SubscribeAsync(StreamCluster.Provider, ExplicitSubscriberGrain.Topic, fromOffset: null);
        var implied = cluster.Grains.GetGrain<IImplicitSubscriberGrain>(key);
        string[] topics = [ImplicitSubscriberGrain.Topic, ExplicitSubscriberGrain.Topic];
        for (var i = 0; i < 300; i++)
        {
            await Task.WhenAll(topics.Select(topic => cluster.Stream(topic, key).OnNextAsync(Name(i))));
            if (i % 10 == 9)
                await Task.WhenAll(subscribed.DeactivateAsync(), implied.DeactivateAsync());
        }
        foreach (var journal in new[] { key, "explicit-" + key })
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(journal).Contains(Name(299)));
            EventJournal.Of(journal).Distinct().ShouldBe(Enumerable.Range(0, 300).Select(Name));
        }
    }

    [Fact]
    public async Task A_consumer_that_takes_its_time_holds_up_nobody_else()
    {
        await using var cluster = await StreamCluster.StartAsync(configure: options =>
        {
            options.PartitionsPerTopic = 1;
            options.CacheSizeBytes = 2_000;
        });
        var slow = EventJournal.NewKey();
        var held = EventJournal.Hold("held-" + slow);
        await cluster.Stream(ImplicitSubscriberGrain.Topic, slow).OnNextAsync("held-" + slow);
        await cluster.Stream(ImplicitSubscriberGrain.Topic, slow).OnNextAsync("next");
        var others = Enumerable.Range(0, 4).Select(_ => EventJournal.NewKey()).ToList();
        for (var i = 0; i < 100; i++)
            await Task.WhenAll(others.Select(key => cluster.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync(Name(i))));
        foreach (var key in others)
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 100);
            EventJournal.Of(key).ShouldBe(Enumerable.Range(0, 100).Select(Name));
        }
        EventJournal.Of(slow).ShouldBeEmpty();
        Kept(cluster.Loire, 0).ShouldBe(0);
        held.SetResult();
        await Eventually.IsTrueAsync(() => EventJournal.Of(slow).Count == 2);
        EventJournal.Of(slow).ShouldBe(["held-" + slow, "next"]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public async Task No_event_is_lost_when_a_silo_dies(int batchSize)
    {
        await using var cluster = await StreamCluster.StartAsync(silos: 3, configure: options => options.BatchSize = batchSize);
        var keys = Enumerable.Range(0, 12).Select(_ => EventJournal.NewKey()).ToList();
        var producer = cluster.Loire.CreateClient().CreateProducer();
        for (var i = 0; i < 60; i++)
        {
            foreach (var key in keys)
                await producer.ProduceAsync(
                    ImplicitSubscriberGrain.Topic, Encoding.UTF8.GetBytes(key), Serialize(cluster, Name(i)), cancellationToken: Cancelled);
            if (i == 20)
            {
                await Eventually.IsTrueAsync(() => keys.All(key => EventJournal.Of(key).Count > 5));
                await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[^1], Cancelled);
            }
        }
        foreach (var key in keys)
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Distinct().Count() == 60);
            EventJournal.Of(key).Distinct().ShouldBe(Enumerable.Range(0, 60).Select(Name));
        }
        await producer.DisposeAsync();
    }

    [Fact]
    public async Task What_was_delivered_before_a_restart_of_all_silos_is_not_delivered_again()
    {
        var loire = new FakeLoire();
        var key = EventJournal.NewKey();
        await using (var before = await StreamCluster.StartAsync(loire: loire))
        {
            for (var i = 0; i < 10; i++)
                await before.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync(Name(i));
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count >= 10);
            await Eventually.IsTrueAsync(() => Enumerable.Range(0, 4).Sum(i => Kept(loire, i)) == 10);
        }
        await using var after = await StreamCluster.StartAsync(loire: loire);
        await after.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync(Name(10));
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Contains(Name(10)));
        EventJournal.Of(key).ShouldBe(Enumerable.Range(0, 11).Select(Name));
    }

    [Fact]
    public async Task Records_of_other_Kafka_clients_are_events_in_a_format_of_ones_own()
    {
        await using var cluster = await StreamCluster.StartAsync();
        var key = EventJournal.NewKey();
        var client = cluster.Loire.CreateClient();
        await client.Admin.CreateTopicIfMissingAsync(ImplicitSubscriberGrain.TextTopic, 8, cancellationToken: Cancelled);
        await using var producer = client.CreateProducer();
        await producer.ProduceAsync(
            ImplicitSubscriberGrain.TextTopic, Encoding.UTF8.GetBytes(key), "plain"u8.ToArray(), cancellationToken: Cancelled);
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
        EventJournal.Of(key).ShouldBe(["plain"]);
    }

    [Fact]
    public async Task A_client_that_writes_first_leaves_the_number_of_partitions_to_the_silos()
    {
        await using var cluster = await StreamCluster.StartAsync(configure: options => options.CreatesTopics = false);
        var key = EventJournal.NewKey();
        var write = cluster.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync("first");

        // What a silo does that creates topics.
        await cluster.Loire.CreateClient().Admin.CreateTopicAsync(ImplicitSubscriberGrain.Topic, 4, cancellationToken: Cancelled);
        await write;
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
        EventJournal.Of(key).ShouldBe(["first"]);
    }

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);

    private static byte[] Serialize(StreamCluster cluster, string item) =>
        Microsoft.Extensions.DependencyInjection.ServiceProviderServiceExtensions
            .GetRequiredService<Orleans.Serialization.Serializer>(cluster.Cluster.Client.ServiceProvider).SerializeToArray<object>(item);

    private static long Kept(FakeLoire loire, int partition) =>
        loire.Group("streams-" + StreamCluster.Provider).Committed(ImplicitSubscriberGrain.Topic, partition) ?? 0;
}
