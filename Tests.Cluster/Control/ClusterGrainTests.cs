using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Control;

/// <summary>Who belongs to the cluster, over two silos.</summary>
public sealed class ClusterGrainTests : IAsyncLifetime
{
    private GrainsCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainsCluster.StartAsync(silos: 2);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task The_first_broker_makes_the_cluster_and_all_learn_of_the_next()
    {
        var first = await _cluster.RegisterAsync(1);
        first.ClusterId.Length.ShouldBe(22);
        var second = await _cluster.RegisterAsync(2, clusterId: first.ClusterId);
        second.ClusterId.ShouldBe(first.ClusterId);
        _cluster.View(1).Cluster.Find(new NodeId(2)).ShouldNotBeNull().Endpoint.Port.ShouldBe(9092);

        var described = await Cluster.DescribeAsync();
        described.ClusterId.ShouldBe(first.ClusterId);
        described.Brokers.ShouldBe(
        [
            new BrokerDescription(1, "localhost", 9091, "rack-1", IsAlive: true),
            new BrokerDescription(2, "localhost", 9092, "rack-2", IsAlive: true),
        ]);
    }

    [Fact]
    public async Task Each_start_gets_the_next_generation_whatever_activation_gives_it()
    {
        (await _cluster.RegisterAsync(1)).Find(new NodeId(1))!.Started.Generation.ShouldBe(1);
        await _cluster.Test.DeactivateAsync(Cluster);
        var again = (await _cluster.RegisterAsync(1, directory: "another")).Find(new NodeId(1))!;
        again.Started.Generation.ShouldBe(2);
        again.Started.DirectoryId.ShouldBe("another");
    }

    [Fact]
    public async Task A_run_keeps_its_generation_however_often_it_registers()
    {
        var run = _cluster.ControlOfNextRun(1);
        var first = await GrainsCluster.RegisterAsync(run, 1);
        await _cluster.Test.DeactivateAsync(Cluster);
        var again = await GrainsCluster.RegisterAsync(run, 1);
        again.Find(new NodeId(1))!.Started.ShouldBe(first.Find(new NodeId(1))!.Started);
        again.Version.ShouldBe(first.Version);
        (await _cluster.RegisterAsync(1)).Find(new NodeId(1))!.Started.Generation.ShouldBe(2);
    }

    [Fact]
    public async Task A_data_directory_of_another_cluster_is_refused()
    {
        var empty = await Should.ThrowAsync<KafkaException>(() => _cluster.RegisterAsync(1, clusterId: "elsewhere"));
        empty.Code.ShouldBe(ErrorCode.InconsistentClusterId);
        empty.Message.ShouldContain("storage is empty");

        await _cluster.RegisterAsync(1);
        var refusal = await Should.ThrowAsync<KafkaException>(() => _cluster.RegisterAsync(2, clusterId: "elsewhere"));
        refusal.Code.ShouldBe(ErrorCode.InconsistentClusterId);
        refusal.Message.ShouldContain("elsewhere");
        _cluster.View(1).Cluster.Brokers.Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_broker_whose_id_is_taken_by_a_live_one_is_told_where_that_runs()
    {
        await _cluster.RegisterAsync(1);
        var endpoint = new BrokerEndpoint(new NodeId(1), "localhost", 9999, null);
        var refusal = await Should.ThrowAsync<KafkaException>(() => _cluster.Control(2).RegisterAsync(
            endpoint, new(new NodeId(1), 0, "directory-9"), null, CancellationToken.None));
        refusal.Code.ShouldBe(ErrorCode.DuplicateBrokerRegistration);
        refusal.Message.ShouldContain("localhost:9091");
    }

    [Fact]
    public async Task A_broker_of_another_protocol_level_is_refused_while_others_run_and_told_both_levels()
    {
        await _cluster.RegisterAsync(1);
        _cluster.Level++;
        await _cluster.Test.StartAdditionalSiloAsync();
        var refusal = await Should.ThrowAsync<KafkaException>(() => GrainsCluster.RegisterAsync(_cluster.Control(3), 3));
        refusal.Code.ShouldBe(ErrorCode.UnsupportedVersion);
        refusal.Message.ShouldContain($"Broker 3 speaks level {_cluster.Level} of the brokers' protocol, broker ");
        refusal.Message.ShouldContain($"which runs, level {_cluster.Level - 1}: ");
        (await _cluster.ReadClusterAsync()).Find(new NodeId(3)).ShouldBeNull();

        foreach (var silo in _cluster.Test.Silos.Where(silo => silo.Name != "broker-3").ToList())
            await _cluster.Test.StopSiloAsync(silo, TestContext.Current.CancellationToken);
        await Eventually.IsTrueAsync(() => new[] { 1, 2 }.All(node => !_cluster.View(3).Statuses.IsLive(new NodeId(node))));
        var cluster = await GrainsCluster.RegisterAsync(_cluster.Control(3), 3);
        cluster.Find(new NodeId(3)).ShouldNotBeNull("all brokers of the former level have stopped");
    }

    [Fact]
    public async Task A_drain_and_its_end_are_noted_for_the_present_run_only()
    {
        await _cluster.RegisterAsync(1);
        (await _cluster.Control(1).DrainAsync(new NodeId(1), 7, CancellationToken.None))
            .Find(new NodeId(1))!.IsDraining.ShouldBeFalse();
        await _cluster.Control(2).DrainAsync(new NodeId(1), 1, CancellationToken.None);
        _cluster.View(2).Cluster.Find(new NodeId(1))!.IsDraining.ShouldBeTrue();
        (await _cluster.Control(1).UndrainAsync(new NodeId(1), 7, CancellationToken.None))
            .Find(new NodeId(1))!.IsDraining.ShouldBeTrue();
        await _cluster.Control(1).UndrainAsync(new NodeId(1), 1, CancellationToken.None);
        _cluster.View(2).Cluster.Find(new NodeId(1))!.IsDraining.ShouldBeFalse();
        await _cluster.Control(1).DrainAsync(new NodeId(1), 1, CancellationToken.None);
        (await _cluster.RegisterAsync(1)).Find(new NodeId(1))!.IsDraining.ShouldBeFalse();
    }

    [Fact]
    public async Task Broker_configs_are_set_from_the_newest_version_only()
    {
        var version = (await _cluster.RegisterAsync(1)).Version;
        var configs = ImmutableSortedDictionary<string, string>.Empty.Add("log.retention.ms", "1000");
        var set = await SetAsync("", configs, version);
        set.BrokerConfigs[""].ShouldBe(configs);
        _cluster.View(2).Cluster.BrokerConfigs[""].ShouldBe(configs);

        await ShouldBeRefusedAsync(ErrorCode.InvalidUpdateVersion, () => SetAsync("", configs, version));
        await ShouldBeRefusedAsync(ErrorCode.InvalidRequest, () => SetAsync("5", configs, set.Version));
        await ShouldBeRefusedAsync(ErrorCode.InvalidConfig, () => SetAsync("1", configs.Add("node.id", "2"), set.Version));
        (await SetAsync("", configs.Clear(), set.Version)).BrokerConfigs.ShouldBeEmpty();
    }

    [Fact]
    public async Task Producer_ids_are_never_given_twice()
    {
        await _cluster.RegisterAsync(1);
        var first = await Cluster.ReserveProducerIdsAsync(1_000);
        await _cluster.Test.DeactivateAsync(Cluster);
        var second = await _cluster.Control(2).ReserveProducerIdsAsync(1_000, CancellationToken.None);
        second.ShouldBe(first + 1_000);
        var refusal = await Should.ThrowAsync<LoireException>(() => Cluster.ReserveProducerIdsAsync(0));
        refusal.Error.ShouldBe((short)ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_storage_that_is_away_makes_the_controllers_unavailable_and_comes_back()
    {
        await _cluster.RegisterAsync(1);
        _cluster.Storage.IsAway = true;
        var away = await Should.ThrowAsync<ControlUnavailableException>(() => _cluster.RegisterAsync(1));
        away.Message.ShouldContain("The storage is away.");
        await Should.ThrowAsync<ControlUnavailableException>(
            () => _cluster.Control(2).SettleAsync(new TopicName("orders"), null, CancellationToken.None));

        _cluster.Storage.IsAway = false;
        (await _cluster.RegisterAsync(1)).Find(new NodeId(1))!.Started.Generation.ShouldBe(2);
        (await _cluster.Control(2).SettleAsync(new TopicName("orders"), null, CancellationToken.None)).ShouldBeNull();
    }

    [Fact]
    public async Task A_write_of_unknown_fate_is_read_again_before_anything_is_decided()
    {
        await _cluster.RegisterAsync(1);
        _cluster.Storage.LosesAnswers = true;
        await Should.ThrowAsync<ControlUnavailableException>(
            () => _cluster.Control(1).ReserveProducerIdsAsync(10, CancellationToken.None));
        _cluster.Storage.LosesAnswers = false;
        (await _cluster.Control(1).ReserveProducerIdsAsync(10, CancellationToken.None)).ShouldBe(10);
    }

    private IClusterGrain Cluster => _cluster.Grains.GetGrain<IClusterGrain>(IClusterGrain.Key);

    private Task<ClusterRecord> SetAsync(string broker, ImmutableSortedDictionary<string, string> configs, long version) =>
        _cluster.Control(1).SetBrokerConfigsAsync(broker, configs, version, CancellationToken.None);

    private static async Task ShouldBeRefusedAsync(ErrorCode error, Func<Task> call) =>
        (await Should.ThrowAsync<KafkaException>(call)).Code.ShouldBe(error);
}
