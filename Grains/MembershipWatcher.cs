using System.Collections.Immutable;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Grains;

/// <summary>Tells the broker of this silo who is live, and has the topics settled when that changes. Every silo does so:
/// elections depend on no single one.</summary>
/// <param name="settleAll">Lets the controllers elect where that is due.</param>
internal sealed partial class MembershipWatcher(
    IClusterMembershipService membership, LiveBrokers live, Func<Task> settleAll, ILogger<MembershipWatcher> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Before the silo takes calls: a controller that knew of no live broker could not decide.</summary>
    void ILifecycleParticipant<ISiloLifecycle>.Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(MembershipWatcher), ServiceLifecycleStage.RuntimeGrainServices, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        live.Learn(membership.CurrentSnapshot);
        _watching = Task.Run(WatchAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();

        // On an ungraceful stop the token is cancelled from the start, and there is nothing to wait for.
        await _watching.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WatchAsync()
    {
        ImmutableArray<NodeId> before = [];
        try
        {
            await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(_stop.Token))
            {
                live.Learn(snapshot);
                var now = LiveBrokers.Of(snapshot);
                if (now.SequenceEqual(before)) continue;
                LogLive(logger, string.Join(", ", now));
                before = now;

                // The next change must not wait for it.
                _ = SettleAsync();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogStopped(logger);
        }
    }

    private async Task SettleAsync()
    {
        try
        {
            await settleAll();
        }
        catch (Exception failure) when (failure is OperationCanceledException or ObjectDisposedException || _stop.IsCancellationRequested)
        {
            // The broker stops before its silo leaves the membership, and may be gone before this hears of a stop.
            LogStopped(logger);
        }
        catch (Exception failure)
        {
            LogNotSettled(logger, failure);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Live brokers: {Brokers}")]
    private static partial void LogLive(ILogger logger, string brokers);

    [LoggerMessage(Level = LogLevel.Error, Message = "The topics could not be settled after a change of the membership")]
    private static partial void LogNotSettled(ILogger logger, Exception failure);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The membership is not watched any more")]
    private static partial void LogStopped(ILogger logger);
}
