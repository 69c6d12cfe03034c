using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Control;

/// <summary>Broker 4 of a cluster is gone: it was registered, and its silo is no more. Brokers 1 and 2 are up.</summary>
public sealed class UnregistrationTests : IAsyncLifetime
{
    private static readonly NodeId Gone = new(4);

    private GrainsCluster _cluster = null!;
    private volatile int _writes;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainsCluster.StartAsync(silos: 2);
        await _cluster.RegisterAllAsync();
        await RegisterGoneAsync();
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Nothing_stays_of_it_and_it_may_register_anew()
    {
        var before = await _cluster.ReadClusterAsync();
        var configs = ImmutableSortedDictionary<string, string>.Empty.Add("log.retention.ms", "1000");
        await _cluster.Control(1).SetBrokerConfigsAsync("4", configs, before.Version, CancellationToken.None);

        await Cluster.UnregisterBrokerAsync(4);
        foreach (var node in new[] { 1, 2 })
        {
            _cluster.View(node).Cluster.Find(Gone).ShouldBeNull();
            _cluster.View(node).Cluster.BrokerConfigs.ShouldBeEmpty();
        }

        (await Cluster.DescribeAsync()).Brokers.Select(broker => broker.NodeId).ShouldBe([1, 2]);
        await UnregisterAsync().ShouldBeRefusedAsync(ErrorCode.BrokerIdNotRegistered);
        await CreateAsync("orders", 1).ShouldBeRefusedAsync(ErrorCode.InvalidReplicaAssignment);

        // Topics have noted the generation that it had: it must not seem to be behind that.
        var anew = (await RegisterGoneAsync()).Find(Gone)!;
        anew.Started.Generation.ShouldBeGreaterThan(before.Find(Gone)!.Started.Generation);
        anew.IsRetired.ShouldBeFalse();
        await CreateAsync("orders", 1);
    }

    [Fact]
    public async Task One_that_is_up_is_refused()
    {
        var refusal = await _cluster.Control(2).UnregisterAsync(new NodeId(1), CancellationToken.None)
            .ShouldBeRefusedAsync(ErrorCode.PolicyViolation);
        refusal.ShouldContain("localhost:9091");
        (await _cluster.ReadClusterAsync()).Find(new NodeId(1)).ShouldNotBeNull().IsRetired.ShouldBeFalse();
    }

    [Fact]
    public async Task One_that_holds_replicas_is_refused_until_they_are_moved_and_gets_no_new_ones()
    {
        await CreateAsync("orders", 6);
        await CreateAsync("payments", 1);
        var refusal = await UnregisterAsync().ShouldBeRefusedAsync(ErrorCode.PolicyViolation);
        refusal.ShouldContain("orders-0, orders-1, orders-2, orders-3, orders-4 and 2 more");
        refusal.ShouldContain("loire brokers replace --lost 4");

        await CreateAsync("more", 1).ShouldBeRefusedAsync(ErrorCode.InvalidReplicaAssignment);
        await GrowAsync("orders").ShouldBeRefusedAsync(ErrorCode.InvalidReplicaAssignment);
        for (var partition = 1; partition < 6; partition++) await ReassignAsync("orders", partition, 1);

        // Its silo is up again, and it has not registered yet.
        foreach (var node in new[] { 1, 2 }) _cluster.View(node).Learn([new NodeId(1), new NodeId(2), Gone]);
        await ReassignAsync("orders", 1, 1, 4).ShouldBeRefusedAsync(ErrorCode.InvalidReplicaAssignment);

        await ReassignAsync("orders", 0, 1, 2);
        (await UnregisterAsync().ShouldBeRefusedAsync(ErrorCode.PolicyViolation)).ShouldContain("orders-0, payments-0:");
        await ReassignAsync("orders", 0, 1);
        await _cluster.Grains.GetGrain<ITopicGrain>("payments").DeleteAsync();
        (await UnregisterAsync()).Find(Gone).ShouldBeNull();
    }

    [Fact]
    public async Task One_that_comes_back_after_a_refusal_is_given_replicas_again()
    {
        await CreateAsync("orders", 1);
        await UnregisterAsync().ShouldBeRefusedAsync(ErrorCode.PolicyViolation);
        _cluster.View(1).Cluster.Find(Gone)!.IsRetired.ShouldBeTrue();
        (await RegisterGoneAsync()).Find(Gone)!.IsRetired.ShouldBeFalse();
        await CreateAsync("payments", 1);
    }

    [Fact]
    public async Task A_creation_that_was_about_to_be_persisted_is_waited_for()
    {
        var written = HoldWrite(2);
        var creation = CreateAsync("orders", 1);
        await Eventually.IsTrueAsync(() => _writes == 2, "its name is written, the topic is about to be");
        var unregistration = UnregisterAsync();
        await Eventually.IsTrueAsync(() => _cluster.View(1).Cluster.Find(Gone) is { IsRetired: true });
        unregistration.IsCompleted.ShouldBeFalse();

        written.SetResult();
        await creation;
        (await unregistration.ShouldBeRefusedAsync(ErrorCode.PolicyViolation)).ShouldContain("orders-0");
    }

    [Fact]
    public async Task Nothing_is_removed_while_a_broker_has_not_heard_of_it()
    {
        _cluster.View(2).BeforeCluster = _ => throw new InvalidOperationException("not now");
        _cluster.WaitsForAllBrokers = false;
        await UnregisterAsync().ShouldBeRefusedAsync(ErrorCode.RequestTimedOut);
        (await _cluster.ReadClusterAsync()).Find(Gone).ShouldNotBeNull();

        _cluster.View(2).BeforeCluster = _ => { };
        _cluster.WaitsForAllBrokers = true;
        await Eventually.IsTrueAsync(() => _cluster.View(2).Cluster.Find(Gone) is { IsRetired: true });
        (await UnregisterAsync()).Find(Gone).ShouldBeNull();
    }

    [Fact]
    public async Task One_that_registers_anew_meanwhile_stays()
    {
        var topic = _cluster.Grains.GetGrain<ITopicGrain>("orders");
        await topic.CreateAsync(new TopicSpecification(1, 1, ImmutableDictionary<string, string>.Empty));
        var written = HoldWrite(1);
        var change = topic.AlterConfigsAsync(ImmutableDictionary<string, string?>.Empty.Add("retention.ms", "1"));
        await Eventually.IsTrueAsync(() => _writes == 1);
        var unregistration = UnregisterAsync();
        await Eventually.IsTrueAsync(() => _cluster.View(1).Cluster.Find(Gone) is { IsRetired: true });
        await RegisterGoneAsync();

        written.SetResult();
        await change;
        await unregistration.ShouldBeRefusedAsync(ErrorCode.DuplicateBrokerRegistration);
        (await _cluster.ReadClusterAsync()).Find(Gone).ShouldNotBeNull().IsRetired.ShouldBeFalse();
    }

    private IClusterGrain Cluster => _cluster.Grains.GetGrain<IClusterGrain>(IClusterGrain.Key);

    /// <summary>Holds up one write of those that are to come.</summary>
    private TaskCompletionSource HoldWrite(int number)
    {
        var written = new TaskCompletionSource();
        _cluster.Storage.BeforeWrite = () => Interlocked.Increment(ref _writes) == number ? written.Task : Task.CompletedTask;
        return written;
    }

    private Task<ClusterRecord> RegisterGoneAsync() => GrainsCluster.RegisterAsync(_cluster.ControlOfNextRun(1), Gone.Value);

    private Task<ClusterRecord> UnregisterAsync() => _cluster.Control(2).UnregisterAsync(Gone, CancellationToken.None);

    /// <summary>With all replicas on broker 1, which leads, and on the one that is gone.</summary>
    private Task<TopicRecord> CreateAsync(string topic, int partitions) => _cluster.Control(1).CreateTopicAsync(
        new NewTopic(new TopicName(topic), -1, -1, Both(partitions), ImmutableSortedDictionary<string, string>.Empty),
        validateOnly: false,
        CancellationToken.None);

    private Task<TopicRecord> GrowAsync(string topic) => _cluster.Control(2).CreatePartitionsAsync(
        new TopicName(topic), 7, Both(1), validateOnly: false, CancellationToken.None);

    private Task<TopicRecord> ReassignAsync(string topic, int partition, params int[] nodes) => _cluster.Control(2).ReassignAsync(
        new TopicName(topic), new PartitionIndex(partition), [.. nodes.Select(node => new NodeId(node))], CancellationToken.None);

    private static ImmutableArray<ImmutableArray<NodeId>> Both(int partitions) =>
        [.. Enumerable.Repeat<ImmutableArray<NodeId>>([new NodeId(1), Gone], partitions)];
}

internal static class Refusals
{
    /// <returns>The message.</returns>
    public static async Task<string> ShouldBeRefusedAsync(this Task call, ErrorCode error)
    {
        var refusal = await Should.ThrowAsync<KafkaException>(() => call);
        refusal.Code.ShouldBe(error, refusal.Message);
        return refusal.Message;
    }
}
