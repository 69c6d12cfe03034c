using System.Globalization;
using System.Text;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
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

        await stream.OnNextAsync(Name(50));
        await Eventually.IsTrueAsync(() => EventJournal.Of("explicit-" + key).Count >= 44);
        EventJournal.Of("explicit-" + key)[^1].ShouldBe(Name(50));
        await live.UnsubscribeAsync();
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

    [Fact]
    public async Task No_event_is_lost_when_a_silo_dies()
    {
        await using var cluster = await StreamCluster.StartAsync(silos: 3);
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
    public async Task An_event_that_nobody_takes_goes_to_the_dead_letter_topic()
    {
        await using var cluster = await StreamCluster.StartAsync(configure: options =>
        {
            options.OnDeliveryFailure = DeliveryFailurePolicy.DeadLetter;
            options.DeadLetterTopic = "dead";
            options.DeliveryTimeout = TimeSpan.FromMilliseconds(100);
        });
        cluster.Loire.AddTopic("dead", 1);
        var key = EventJournal.NewKey();
        var poison = "poison-" + key;
        EventJournal.Refuse(poison);
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        await stream.OnNextAsync("before");
        await stream.OnNextAsync(poison);
        await stream.OnNextAsync("after");
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Contains("after"));
        EventJournal.Of(key).ShouldBe(["before", "after"]);
        var dead = cluster.Loire.CreateClient().CreateConsumer("dead", StartPosition.Beginning);
        await foreach (var batch in dead.WithCancellation(Cancelled))
        {
            var headers = batch[0].Headers.ToArray().Select(header => header.Name).ToList();
            headers.ShouldContain("loire-dead-letter-offset");
            batch[0].Key!.Value.ToArray().ShouldBe(Encoding.UTF8.GetBytes(key));
            break;
        }
    }

    [Fact]
    public async Task An_event_is_tried_until_it_is_taken_where_that_is_asked_for()
    {
        await using var cluster = await StreamCluster.StartAsync(
            configure: options => options.DeliveryTimeout = TimeSpan.FromMilliseconds(100));
        var key = EventJournal.NewKey();
        var stubborn = "stubborn-" + key;
        EventJournal.Refuse(stubborn);
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        await stream.OnNextAsync("before");
        await stream.OnNextAsync(stubborn);
        await stream.OnNextAsync("after");
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
        EventJournal.Accept(stubborn);
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 3);
        EventJournal.Of(key).ShouldBe(["before", stubborn, "after"]);
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
