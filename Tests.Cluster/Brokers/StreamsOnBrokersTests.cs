using System.Globalization;
using Loire.Tests.Cluster.Fakes;
using Loire.Tests.Cluster.Streams;
using Orleans.Streams;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>The stream provider on real brokers.</summary>
public sealed class StreamsOnBrokersTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_event_is_lost_when_the_silo_of_a_partition_dies()
    {
        await using var cluster = await BrokerCluster.StartAsync(silos: 3, options =>
        {
            options.Topics.Add(ImplicitSubscriberGrain.Topic);
            options.PartitionsPerTopic = 3;
        });
        var keys = Enumerable.Range(0, 6).Select(_ => EventJournal.NewKey()).ToList();
        for (var i = 0; i < 40; i++)
        {
            await Task.WhenAll(keys.Select(key => Stream(cluster, ImplicitSubscriberGrain.Topic, key).OnNextAsync(Name(i))));
            if (i != 15)
                continue;
            await Eventually.IsTrueAsync(() => keys.All(key => EventJournal.Of(key).Count > 5), Cancelled);
            await cluster.Orleans.KillSiloAsync(await cluster.LeaderOfAsync(ImplicitSubscriberGrain.Topic, 0, Cancelled));
        }
        foreach (var key in keys)
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Distinct().Count() == 40, Cancelled);
            EventJournal.Of(key).Distinct().ShouldBe(Enumerable.Range(0, 40).Select(Name));
        }
    }

    [Fact]
    public async Task A_stream_can_be_read_again_from_an_old_offset()
    {
        await using var cluster = await BrokerCluster.StartAsync(silos: 1, options =>
        {
            options.Topics.Add("explicit");
            options.PartitionsPerTopic = 1;
            options.CacheSizeBytes = 2_000;
        });
        var key = EventJournal.NewKey();
        for (var i = 0; i < 100; i++)
            await Stream(cluster, "explicit", key).OnNextAsync(Name(i));
        await cluster.Orleans.Client.GetGrain<IExplicitSubscriberGrain>(key).SubscribeAsync(StreamCluster.Provider, "explicit", 40);
        await Stream(cluster, "explicit", key).OnNextAsync(Name(100));
        await Eventually.IsTrueAsync(() => EventJournal.Of("explicit-" + key).Contains(Name(100)), Cancelled);
        EventJournal.Of("explicit-" + key).ShouldBe(Enumerable.Range(40, 61).Select(Name));
    }

    private static IAsyncStream<string> Stream(BrokerCluster cluster, string topic, string key) =>
        cluster.Orleans.Client.GetStreamProvider(StreamCluster.Provider).GetStream<string>(StreamId.Create(topic, key));

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);
}
