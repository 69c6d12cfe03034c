using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Control;

/// <summary>Every controller is active twice: two clusters that do not know of each other share one storage, as two halves
/// of a cluster would whose grain directories disagree. Of what both decide at once only one can win.</summary>
public sealed class DoubleActivationTests : IAsyncLifetime
{
    private static readonly TopicName Orders = new("orders");

    private readonly SharedStorage _storage = new();
    private GrainsCluster[] _halves = [];

    public async ValueTask InitializeAsync()
    {
        _halves = [await GrainsCluster.StartAsync(2, _storage), await GrainsCluster.StartAsync(2, _storage)];
        await _halves[0].RegisterAllAsync();
        await CreateAsync();

        // Both halves have their activations from here on.
        foreach (var half in _halves)
        {
            (await half.ReadClusterAsync()).Brokers.Length.ShouldBe(2);
            (await half.Control(1).SettleAsync(Orders, null, CancellationToken.None)).ShouldNotBeNull();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var half in _halves) await half.DisposeAsync();
    }

    [Fact]
    public async Task Of_two_in_sync_changes_of_the_same_epoch_one_wins_and_both_are_told_which()
    {
        var before = await ReadAsync(_halves[0]);
        var leader = before.Control.Partitions[0].Leader;
        var other = before.Control.Partitions[0].Replicas.Single(node => node != leader);

        // A deposed leader's proposal and the settling of a half that sees the leader gone would be such a pair.
        var alone = Proposal(before, [leader]);
        var both = Proposal(before, [leader, other]);
        var answers = await Task.WhenAll(AlterAsync(_halves[0], before, alone), AlterAsync(_halves[1], before, both));

        answers.Select(answer => answer.Version).Max().ShouldBe(before.Version + 1);
        var now = await ReadAsync(_halves[0], answers[0].Version);
        now.Control.Partitions[0].PartitionEpoch.ShouldBe(before.Control.Partitions[0].PartitionEpoch + 1);
        answers.ShouldAllBe(answer => answer.Control.Partitions[0].InSync.SequenceEqual(now.Control.Partitions[0].InSync));
    }

    [Fact]
    public async Task An_activation_that_is_behind_learns_it_from_a_leader_that_knows_more()
    {
        var before = await ReadAsync(_halves[0]);
        var leader = before.Control.Partitions[0].Leader;
        var shrunk = await AlterAsync(_halves[0], before, Proposal(before, [leader]));
        shrunk.Control.Partitions[0].InSync.ShouldBe([leader]);

        // The other half has never heard of it; the proposal carries the epoch that it lacks.
        var grown = await AlterAsync(_halves[1], shrunk, Proposal(shrunk, before.Control.Partitions[0].Replicas));
        grown.Version.ShouldBe(shrunk.Version + 1);
        grown.Control.Partitions[0].InSync.Length.ShouldBe(2);
    }

    [Fact]
    public async Task An_activation_whose_silo_has_heard_of_a_newer_state_settles_on_that()
    {
        var before = await ReadAsync(_halves[0]);
        var leader = before.Control.Partitions[0].Leader;
        var shrunk = await AlterAsync(_halves[0], before, Proposal(before, [leader]));
        (await ReadAsync(_halves[1])).Version.ShouldBe(before.Version, "it has nothing to write, and so meets no other ETag");

        // The announcement came through; who made it may be gone by now.
        foreach (var node in new[] { 1, 2 }) _halves[1].View(node).Learn(shrunk);
        var settled = await ReadAsync(_halves[1], shrunk.Version);
        settled.Control.Partitions[0].InSync.ShouldBe([leader]);
    }

    [Fact]
    public async Task No_change_of_one_activation_is_lost_to_the_other()
    {
        string[] names = ["retention.ms", "retention.bytes", "max.message.bytes", "segment.ms", "flush.ms", "segment.bytes"];
        await Task.WhenAll(names.Select((name, index) => _halves[index % 2].Grains.GetGrain<ITopicGrain>("orders")
            .AlterConfigsAsync(ImmutableDictionary<string, string?>.Empty.Add(name, "100000"))));
        foreach (var half in _halves)
        {
            var topic = await half.Grains.GetGrain<ITopicGrain>("orders").AlterConfigsAsync(
                ImmutableDictionary<string, string?>.Empty.Add("delete.retention.ms", "1"));
            topic.Configs.Count.ShouldBe(names.Length + 1);
        }
    }

    [Fact]
    public async Task No_producer_id_and_no_generation_is_given_twice()
    {
        var blocks = await Task.WhenAll(Enumerable.Range(0, 40).Select(
            i => _halves[i % 2].Control(1).ReserveProducerIdsAsync(10, CancellationToken.None)));
        blocks.Distinct().Count().ShouldBe(40);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => _halves[i % 2].RegisterAsync(1)));
        (await _halves[1].RegisterAsync(1)).Find(new NodeId(1))!.Started.Generation.ShouldBe(9, "it is the ninth registration");
    }

    [Fact]
    public async Task A_topic_is_created_once()
    {
        var created = await Task.WhenAll(_halves.Select(async half =>
        {
            try
            {
                return await half.Grains.GetGrain<ITopicGrain>("payments").CreateAsync(
                    new TopicSpecification(1, 2, ImmutableDictionary<string, string>.Empty));
            }
            catch (LoireException refusal) when (refusal.Error == (short)ErrorCode.TopicAlreadyExists)
            {
                return null;
            }
        }));
        created.Count(topic => topic is not null).ShouldBe(1);
    }

    private async Task CreateAsync()
    {
        var topic = new NewTopic(Orders, 1, 2, null, ImmutableSortedDictionary<string, string>.Empty);
        await _halves[0].Control(1).CreateTopicAsync(topic, validateOnly: false, CancellationToken.None);
    }

    private static async Task<TopicRecord> ReadAsync(GrainsCluster half, long version = 0)
    {
        var topic = await half.Control(1).SettleAsync(Orders, null, CancellationToken.None);
        topic.ShouldNotBeNull().Version.ShouldBeGreaterThanOrEqualTo(version);
        return topic;
    }

    private static InSyncProposal Proposal(TopicRecord topic, ImmutableArray<NodeId> inSync)
    {
        var partition = topic.Control.Partitions[0];
        return new InSyncProposal(partition.Leader, partition.LeaderEpoch, partition.PartitionEpoch, inSync);
    }

    private static Task<TopicRecord> AlterAsync(GrainsCluster half, TopicRecord topic, InSyncProposal proposal) =>
        half.Control(1).AlterInSyncAsync(
            new TopicIdPartition(topic.Id, topic.Name, new PartitionIndex(0)), proposal, CancellationToken.None);
}
