using System.Globalization;
using Loire.Client;
using Loire.Tests.Cluster.Hosted;
using Loire.Tests.Cluster.Streams;
using Microsoft.Extensions.Hosting;
using Orleans.Streams;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>The stream provider on real brokers.</summary>
[Collection(nameof(HostedClusters))]
public sealed class StreamsOnBrokersTests
{
    [Fact]
    public async Task No_event_is_lost_when_the_silo_of_a_partition_dies()
    {
        await using var cluster = await StartAsync(brokers: 3, options =>
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
            await Eventually.IsTrueAsync(() => keys.All(key => EventJournal.Of(key).Count > 5));
            await cluster.KillAsync(cluster.LeaderOf(ImplicitSubscriberGrain.Topic));
        }
        foreach (var key in keys)
        {
            await Eventually.IsTrueAsync(() => EventJournal.Of(key).Distinct().Count() == 40);
            EventJournal.Of(key).Distinct().ShouldBe(Enumerable.Range(0, 40).Select(Name));
        }
    }

    [Fact]
    public async Task A_stream_can_be_read_again_from_an_old_offset()
    {
        await using var cluster = await StartAsync(brokers: 1, options =>
        {
            options.Topics.Add("explicit");
            options.PartitionsPerTopic = 1;
            options.CacheSizeBytes = 2_000;
        });
        var key = EventJournal.NewKey();
        for (var i = 0; i < 100; i++)
            await Stream(cluster, "explicit", key).OnNextAsync(Name(i));
        await cluster.Orleans.GetGrain<IExplicitSubscriberGrain>(key).SubscribeAsync(StreamCluster.Provider, "explicit", 40);
        await Stream(cluster, "explicit", key).OnNextAsync(Name(100));
        await Eventually.IsTrueAsync(() => EventJournal.Of("explicit-" + key).Contains(Name(100)));
        EventJournal.Of("explicit-" + key).ShouldBe(Enumerable.Range(40, 61).Select(Name));
    }

    private static Task<LoireTestCluster> StartAsync(int brokers, Action<LoireStreamOptions> configure) =>
        LoireTestCluster.StartAsync(new LoireTestClusterOptions(brokers)
        {
            ConfigureSilo = silo =>
            {
                silo.AddMemoryGrainStorage("PubSubStore");
                silo.AddLoireStreams(StreamCluster.Provider, configure);
            },
            ConfigureClient = client => client.AddLoireStreams(StreamCluster.Provider, configure),
        });

    private static IAsyncStream<string> Stream(LoireTestCluster cluster, string topic, string key) =>
        cluster.Orleans.GetStreamProvider(StreamCluster.Provider).GetStream<string>(StreamId.Create(topic, key));

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);
}
