using Loire.Broker.Configs;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>What the cluster knows of broker 1, whose log takes records or not, with the controllers in memory.</summary>
public sealed class DrainDriverTests : IAsyncDisposable
{
    private static readonly NodeId One = new(1);

    private readonly InMemoryControllers _controllers = new();
    private readonly ClusterView _view = new(NullLogger<ClusterView>.Instance);
    private readonly InMemoryControl _control;
    private readonly FakeLogStore _store = new();
    private readonly FakeTime _time = new();
    private BrokerGeneration _started;
    private int _settled;

    public DrainDriverTests() => _control = new InMemoryControl(_controllers);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private bool IsDraining => _controllers.Cluster.Find(One)!.IsDraining;

    public ValueTask DisposeAsync() => _view.DisposeAsync();

    [Fact]
    public async Task A_broker_drains_while_its_log_takes_no_records_and_elections_follow_at_once()
    {
        await using var driver = await StartAsync();
        for (var turn = 1; turn < 3; turn++)
        {
            _store.Refuse(true);
            await Eventually.IsTrueAsync(() => IsDraining && _settled == (2 * turn) - 1, "it drains");
            _store.Refuse(false);
            await Eventually.IsTrueAsync(() => !IsDraining && _settled == 2 * turn, "it may be elected again");
        }
    }

    [Fact]
    public async Task A_log_that_failed_before_is_noticed_at_the_start()
    {
        _store.Fail();
        await using var driver = await StartAsync();
        await Eventually.IsTrueAsync(() => driver.IsDraining, "it drains");
    }

    [Fact]
    public async Task Controllers_that_are_away_are_told_later()
    {
        await using var driver = await StartAsync();
        _control.IsCut = true;
        var calls = _control.CallCount;
        _store.Refuse(true);
        await Eventually.IsTrueAsync(() => _control.CallCount > calls, "it was tried");
        _control.IsCut = false;
        await EventuallyAsync(() => IsDraining, "it drains");
    }

    [Fact]
    public async Task A_call_that_is_carried_out_after_a_later_one_is_overruled()
    {
        await using var driver = await StartAsync();
        _store.Refuse(true);
        await Eventually.IsTrueAsync(() => IsDraining, "it drains");
        await _control.UndrainAsync(One, _started.Generation, Token);
        await EventuallyAsync(() => IsDraining, "it drains again");
    }

    [Fact]
    public async Task A_broker_that_is_about_to_stop_drains_whatever_becomes_of_its_log()
    {
        await using var driver = await StartAsync();
        _store.Refuse(true);
        await Eventually.IsTrueAsync(() => IsDraining, "it drains");
        driver.Resign();
        var calls = _control.CallCount;
        _store.Refuse(false);
        await _control.UndrainAsync(One, _started.Generation, Token);
        await EventuallyAsync(() => IsDraining, "it drains again");
        _control.CallCount.ShouldBe(calls + 2, "the test's call and the driver's answer to it");
    }

    [Fact]
    public async Task Of_a_broker_that_a_later_run_has_taken_over_nothing_is_said()
    {
        var driver = await StartAsync();
        await RegisterAsync();
        var calls = _control.CallCount;
        _store.Refuse(true);
        _time.Advance(TimeSpan.FromSeconds(1));
        await driver.DisposeAsync();
        _control.CallCount.ShouldBe(calls);
        IsDraining.ShouldBeFalse();
    }

    private async Task<DrainDriver> StartAsync()
    {
        _controllers.SetLive(One, _view);
        await RegisterAsync();
        _started = _view.Cluster.Find(One)!.Started;
        var options = new ClusterBrokerOptions
        {
            Endpoint = new BrokerEndpoint(One, "host", 9092, Rack: null),
            Listen = [],
            DirectoryId = "d",
            Configs = ConfigLayers.FromHost([]),
        };
        var registrar = new BrokerRegistrar(_view, _control, options, _time, NullLogger<BrokerRegistrar>.Instance);
        return new DrainDriver(_store, _view, registrar, _started, SettleAllAsync, _time, NullLogger<DrainDriver>.Instance);
    }

    private async Task RegisterAsync() => _view.Learn(await _control.RegisterAsync(
        new BrokerEndpoint(One, "host", 9092, null), new BrokerGeneration(One, 0, "d"), clusterId: null, Token));

    private Task SettleAllAsync()
    {
        Interlocked.Increment(ref _settled);
        return Task.CompletedTask;
    }

    /// <summary>Time passes meanwhile.</summary>
    private Task EventuallyAsync(Func<bool> condition, string what) => Eventually.IsTrueAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        what);
}
