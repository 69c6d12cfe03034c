using Loire.Broker.Control;
using Loire.Broker.Ports;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>Keeps what the cluster knows of this broker in step with its log. A broker whose log takes no records must not lead:
/// it drains, as if it were to stop, and stays for reads. Once there is room again it drains no more. As a follower that can
/// append nothing it is dropped from the in-sync sets after the lag time, and nobody is elected who is not in sync, so being
/// late here costs refusals, never a record. What the cluster's record says is compared, not what was said last: a call
/// that timed out may still be carried out, after a later one.</summary>
internal sealed partial class DrainDriver : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly ILogStore _store;
    private readonly ClusterView _view;
    private readonly BrokerRegistrar _registrar;
    private readonly BrokerGeneration _started;
    private readonly Func<Task> _settleAll;
    private readonly ILogger _logger;
    private readonly WakeSignal _wakes = new();

    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly Task _loop;
    private volatile bool _isResigning;

    /// <param name="started">This broker's run.</param>
    /// <param name="settleAll">Lets the controllers elect where that is due.</param>
    public DrainDriver(
        ILogStore store,
        ClusterView view,
        BrokerRegistrar registrar,
        BrokerGeneration started,
        Func<Task> settleAll,
        TimeProvider time,
        ILogger<DrainDriver> logger)
    {
        _store = store;
        _view = view;
        _registrar = registrar;
        _started = started;
        _settleAll = settleAll;
        _logger = logger;
        _store.FailureChanged += _wakes.Wake;
        _wakes.Wake();
        _timer = time.CreateTimer(static wakes => ((WakeSignal)wakes!).Wake(), _wakes, Period, Period);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Whether the cluster has it that this broker hands its leaderships over.</summary>
    public bool IsDraining => Find() is { IsDraining: true };

    /// <summary>The broker is about to stop: whatever becomes of its log, it leads no more.</summary>
    public void Resign() => _isResigning = true;

    public async ValueTask DisposeAsync()
    {
        _store.FailureChanged -= _wakes.Wake;
        await _stop.CancelAsync();
        await _timer.DisposeAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _wakes.WaitAsync(_stop.Token)) await CompareAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogStopped(_logger);
        }
    }

    private async Task CompareAsync()
    {
        var mustDrain = _isResigning || _store.Failure is not null;
        if (Find() is not { } known || known.IsDraining == mustDrain) return;
        var isTold = mustDrain
            ? await _registrar.TryDrainAsync(_started, _stop.Token)
            : await _registrar.TryUndrainAsync(_started, _stop.Token);
        if (!isTold) return;
        LogTold(_logger, mustDrain ? "hands its leaderships over" : "may lead again");
        _ = _settleAll();
    }

    /// <returns>Null where a later run has taken over.</returns>
    private BrokerRegistration? Find() =>
        _view.Cluster.Find(_started.Broker) is { } known && known.Started.Generation == _started.Generation ? known : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "The cluster knows that this broker {What}")]
    private static partial void LogTold(ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Draining is not kept in step with the log any more")]
    private static partial void LogStopped(ILogger logger);
}
