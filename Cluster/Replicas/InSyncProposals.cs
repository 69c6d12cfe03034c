using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster.Replicas;

/// <summary>Carries the leaders' proposals to the controllers and what they decided back into the view. Of each partition
/// one is under way; a newer one that comes meanwhile waits, and replaces one that waits already.</summary>
internal sealed partial class InSyncProposals(IClusterControl control, IClusterLearner learner, ILogger<InSyncProposals> logger)
    : IInSyncControl, IAsyncDisposable
{
    private const int MaxUnderWay = 32;

    private readonly Lock _lock = new();
    private readonly Dictionary<TopicIdPartition, InSyncProposal?> _waiting = [];
    private readonly SemaphoreSlim _turns = new(MaxUnderWay, MaxUnderWay);
    private readonly CancellationTokenSource _stop = new();
    private bool _isFailing;

    public void Propose(TopicIdPartition partition, InSyncProposal proposal)
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested) return;
            if (!_waiting.TryAdd(partition, null))
            {
                _waiting[partition] = proposal;
                return;
            }
        }

        _ = Task.Run(() => SendAsync(partition, proposal));
    }

    /// <summary>Sends no more; what is under way is left to itself.</summary>
    public async ValueTask DisposeAsync() => await _stop.CancelAsync();

    private async Task SendAsync(TopicIdPartition partition, InSyncProposal first)
    {
        for (InSyncProposal? proposal = first; proposal is not null; proposal = Next(partition))
        {
            try
            {
                await _turns.WaitAsync(_stop.Token);
                try
                {
                    learner.Learn(await control.AlterInSyncAsync(partition, proposal, _stop.Token));
                    _isFailing = false;
                }
                finally
                {
                    _turns.Release();
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // The leader repeats it. Until it is answered nobody leaves the in-sync set, hence nothing is
                // acknowledged that not all of it have.
                Report(partition, failure);
            }
        }
    }

    private InSyncProposal? Next(TopicIdPartition partition)
    {
        lock (_lock)
        {
            if (_waiting[partition] is { } next)
            {
                _waiting[partition] = null;
                return next;
            }

            _waiting.Remove(partition);
            return null;
        }
    }

    private void Report(TopicIdPartition partition, Exception failure)
    {
        if (failure is ControlUnavailableException && _isFailing) return;
        _isFailing |= failure is ControlUnavailableException;
        LogFailed(logger, partition, failure.Message, failure is KafkaException or ControlUnavailableException ? null : failure);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The in-sync replicas of {Partition} could not be changed, which is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, TopicIdPartition partition, string reason, Exception? unexpected);
}
