using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Placement;

/// <summary>Where the grains of partitions and groups are activated. No broker has a replica here; an answer's leader epoch
/// is the id of the broker that gave it.</summary>
public sealed class LeaderPlacementTests : IAsyncLifetime
{
    private GrainsCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainsCluster.StartAsync(configure: services => services.AddSingleton<IPartitionDirectory>(
            provider => new Nowhere(provider.GetRequiredService<IOptions<SiloOptions>>().Value.SiloName)));
        await _cluster.RegisterAllAsync();
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_partition_is_reached_where_it_is_led_and_follows_its_leader()
    {
        var created = await _cluster.Grains.GetGrain<ITopicGrain>("orders").CreateAsync(
            new TopicSpecification(6, 2, ImmutableDictionary<string, string>.Empty));
        foreach (var partition in created.Partitions)
            (await AnsweringAsync("orders", partition.Index)).ShouldBe(partition.Leader);

        var first = created.Partitions[0];
        var next = first.Replicas.Single(node => node != first.Leader);
        await _cluster.Control(1).ReassignAsync(new("orders"), new(0), [new(next), new(first.Leader)], CancellationToken.None);
        await _cluster.Control(1).ElectAsync(new("orders"), new(0), isUnclean: false, CancellationToken.None);
        await Eventually.AnswersAsync(() => AnsweringAsync("orders", 0), node => node == next, $"broker {next} answers");
    }

    [Fact]
    public async Task One_that_nobody_knows_is_answered_somewhere()
    {
        var offsets = await Partition("nothing", 3).GetOffsetsAsync();
        offsets.Error.ShouldBe((short)ErrorCode.NotLeaderOrFollower);
        (await Partition("nothing", 3).AppendAsync(new AppendRequest(new byte[61], -1))).Error
            .ShouldBe((short)ErrorCode.NotLeaderOrFollower);
        (await Partition("nothing", 3).AppendAsync(new AppendRequest(new byte[61], 0))).Error
            .ShouldBe((short)ErrorCode.InvalidRequiredAcks);
        (await _cluster.Grains.GetGrain<IPartitionGrain>("no-partition").GetOffsetsAsync()).Error
            .ShouldBe((short)ErrorCode.InvalidTopicException);
    }

    private IPartitionGrain Partition(string topic, int partition) =>
        _cluster.Grains.GetGrain<IPartitionGrain>(PartitionKey.Of(topic, partition));

    private async Task<int> AnsweringAsync(string topic, int partition) =>
        (await Partition(topic, partition).GetOffsetsAsync()).LeaderEpoch;

    private sealed class Nowhere(string siloName) : IPartitionDirectory
    {
        public PartitionLookup Find(TopicName topic, PartitionIndex partition) =>
            new(ErrorCode.NotLeaderOrFollower, null, NodeId.None, new LeaderEpoch(int.Parse(siloName.Split('-')[1])));

        public PartitionLookup Find(TopicId topic, PartitionIndex partition) => Find(default(TopicName), partition);
    }
}
