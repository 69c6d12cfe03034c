using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Push;

/// <summary>One of three brokers does not take in what it is told.</summary>
public sealed class SlowBrokerTests : IAsyncLifetime
{
    private static readonly TopicName Orders = new("orders");

    private GrainsCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainsCluster.StartAsync();
        await _cluster.RegisterAllAsync();
        _cluster.WaitsForAllBrokers = false;
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Clients_are_answered_without_it_and_it_learns_the_newest_state_later()
    {
        using var gate = new ManualResetEventSlim();
        var slow = _cluster.View(3);
        slow.BeforeTopic = _ => gate.Wait(Eventually.Patience);
        var created = await Topic.CreateAsync(new TopicSpecification(1, 3, ImmutableDictionary<string, string>.Empty));
        await UntilLearnedAsync(_cluster.View(1), created.Version);
        await UntilLearnedAsync(_cluster.View(2), created.Version);
        slow.Find(Orders).ShouldBeNull();
        var altered = await Topic.AlterConfigsAsync(ImmutableDictionary<string, string?>.Empty.Add("retention.ms", "1000"));
        altered.Version.ShouldBe(created.Version + 1);

        gate.Set();
        await UntilLearnedAsync(slow, altered.Version);
    }

    [Fact]
    public async Task One_that_fails_is_told_again()
    {
        var slow = _cluster.View(2);
        var failures = 3;
        slow.BeforeTopic = _ =>
        {
            if (Interlocked.Decrement(ref failures) >= 0) throw new InvalidOperationException("not now");
        };
        var created = await Topic.CreateAsync(new TopicSpecification(1, 3, ImmutableDictionary<string, string>.Empty));
        await UntilLearnedAsync(slow, created.Version);
    }

    private ITopicGrain Topic => _cluster.Grains.GetGrain<ITopicGrain>(Orders.Value);

    private static Task UntilLearnedAsync(FakeView view, long version) => Eventually.IsTrueAsync(
        () => view.Find(Orders)?.Version == version, state: () => $"The view has {view.Find(Orders)?.Version}, not {version}.");
}
