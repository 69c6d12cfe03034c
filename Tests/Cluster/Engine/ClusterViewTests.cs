using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

public sealed class ClusterViewTests : IAsyncDisposable
{
    private static readonly TopicName Orders = new("orders");

    private readonly ClusterView _view = new(NullLogger<ClusterView>.Instance);
    private readonly Listener _listener = new();

    public ClusterViewTests() => _view.Subscribe(_listener);

    public ValueTask DisposeAsync() => _view.DisposeAsync();

    [Fact]
    public async Task What_is_not_newer_changes_nothing()
    {
        _view.Learn(Topic(3));
        await _view.ToldAsync();
        _view.Learn(Topic(2));
        _view.Learn(Topic(3));
        await _view.ToldAsync();
        _view.Find(Orders)!.Version.ShouldBe(3);
        _listener.Told.ShouldBe(["orders 3"]);

        // Also over a deletion.
        _view.Learn(Topic(4) with { IsDeleted = true });
        _view.Learn(Topic(3));
        await _view.ToldAsync();
        _view.Find(Orders)!.IsDeleted.ShouldBeTrue();
    }

    [Fact]
    public async Task Who_is_slow_is_told_of_the_newest_state_only()
    {
        _listener.Gate.Reset();
        _view.Learn(Topic(1));
        await Eventually.IsTrueAsync(() => _listener.IsWaiting, "the listener is busy with the first");
        for (var version = 2; version <= 50; version++) _view.Learn(Topic(version));
        _listener.Gate.Set();
        await _view.ToldAsync();
        _listener.Told.ShouldBe(["orders 1", "orders 50"]);
    }

    [Fact]
    public async Task What_was_told_is_told_again_where_that_is_asked_for()
    {
        _view.Learn(Topic(1));
        await _view.ToldAsync();
        _view.Learn(Topic(2));
        _view.TellTopicsAgain();
        await _view.ToldAsync();
        _listener.Told.ShouldBe(["orders 1", "orders 2", "orders 2"]);
    }

    [Fact]
    public async Task A_deletion_is_forgotten_only_when_it_was_told_and_nothing_newer_is_known()
    {
        var deleted = Topic(2) with { IsDeleted = true };
        _view.Learn(deleted);
        _view.Forget(deleted);
        await _view.ToldAsync();
        _listener.Told.ShouldBe(["orders 2"]);
        _view.Find(Orders).ShouldBeNull();

        _view.Learn(Topic(3));
        _view.Forget(deleted);
        await _view.ToldAsync();
        _view.Find(Orders).ShouldNotBeNull().Version.ShouldBe(3);
    }

    [Fact]
    public async Task A_listener_that_fails_keeps_nobody_else_from_the_news()
    {
        await using var view = new ClusterView(NullLogger<ClusterView>.Instance);
        view.Subscribe(new Failing());
        view.Subscribe(_listener);
        view.Learn(Topic(1));
        view.Learn([new NodeId(1)]);
        await view.ToldAsync();
        _listener.Told.ShouldBe(["orders 1", "cluster"]);
    }

    [Fact]
    public async Task Statuses_join_the_membership_and_who_drains()
    {
        _view.Learn([new NodeId(1), new NodeId(2)]);
        _view.Learn(Cluster(1, draining: false));
        _view.Statuses.CanLead(new NodeId(2)).ShouldBeTrue();
        _view.Learn(Cluster(2, draining: true));
        _view.Learn(Cluster(1, draining: false));
        _view.Statuses.CanLead(new NodeId(2)).ShouldBeFalse();
        _view.Statuses.IsLive(new NodeId(2)).ShouldBeTrue();
        _view.Learn([new NodeId(1)]);
        _view.Learn([new NodeId(1)]);
        _view.Statuses.IsLive(new NodeId(2)).ShouldBeFalse();
        await _view.ToldAsync();
        _listener.Told.Count(told => told == "cluster").ShouldBe(4);
    }

    [Fact]
    public async Task Who_has_unsubscribed_is_told_no_more()
    {
        await _view.UnsubscribeAsync(_listener);
        _view.Learn(Topic(1));
        await _view.ToldAsync();
        _listener.Told.ShouldBeEmpty();
    }

    private static TopicRecord Topic(long version) => new(
        Orders,
        new TopicId(Guid.Empty),
        version,
        IsDeleted: false,
        ImmutableSortedDictionary<string, string>.Empty,
        new TopicControlState([], [], false));

    private static ClusterRecord Cluster(long version, bool draining) => ClusterRecord.Unknown with
    {
        Version = version,
        Brokers =
        [
            new BrokerRegistration(
                new BrokerEndpoint(new NodeId(2), "host", 9092, null), new BrokerGeneration(new NodeId(2), 1, "d"), draining),
        ],
    };

    private sealed class Listener : IClusterListener
    {
        private readonly Lock _lock = new();
        private readonly List<string> _told = [];

        public ManualResetEventSlim Gate { get; } = new(initialState: true);

        public bool IsWaiting { get; private set; }

        public ImmutableArray<string> Told
        {
            get
            {
                lock (_lock) return [.. _told];
            }
        }

        public void OnTopic(TopicRecord topic)
        {
            IsWaiting = true;
            Gate.Wait(TestContext.Current.CancellationToken);
            lock (_lock) _told.Add($"{topic.Name} {topic.Version}");
        }

        public void OnCluster()
        {
            lock (_lock) _told.Add("cluster");
        }
    }

    private sealed class Failing : IClusterListener
    {
        public void OnTopic(TopicRecord topic) => throw new InvalidOperationException("for the test");

        public void OnCluster() => throw new InvalidOperationException("for the test");
    }
}
