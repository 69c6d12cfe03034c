using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>Every leader.imbalance.check.interval.seconds asks for the partitions back that this broker should lead, being
/// the first of their replicas, and does not: since it was away others lead them. As each broker asks for its own, nobody has
/// to keep the balance for all. The controllers have the last word: who is not in sync or about to stop gets
/// nothing.</summary>
internal sealed partial class LeaderRebalancer : IAsyncDisposable
{
    private const int MaxParallel = 32;

    private readonly ClusterView _view;
    private readonly IClusterControl _control;
    private readonly NodeId _self;
    private readonly IBrokerConfigs _configs;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly PeriodicTimer _timer;
    private readonly Task _loop;

    public LeaderRebalancer(
        ClusterView view,
        IClusterControl control,
        NodeId self,
        IBrokerConfigs configs,
        TimeProvider time,
        ILogger<LeaderRebalancer> logger)
    {
        _view = view;
        _control = control;
        _self = self;
        _configs = configs;
        _logger = logger;
        _timer = new PeriodicTimer(TimeSpan.FromSeconds(configs.Current.LeaderImbalanceCheckIntervalSeconds), time);
        _loop = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _timer.Dispose();
        await _loop;
        _stop.Dispose();
    }

    /// <summary>One turn.</summary>
    internal async Task RebalanceAsync()
    {
        if (!_configs.Current.AutoLeaderRebalance || !_view.Statuses.CanLead(_self)) return;
        TopicPartition[] due = [.. Due()];
        var returned = 0;
        await Parallel.ForEachAsync(
            due,
            new ParallelOptions { MaxDegreeOfParallelism = MaxParallel, CancellationToken = _stop.Token },
            async (partition, cancellationToken) =>
            {
                if (await TryElectAsync(partition, cancellationToken)) Interlocked.Increment(ref returned);
            });
        if (due.Length > 0) LogReturned(_logger, returned, due.Length);
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync())
        {
            try
            {
                await RebalanceAsync();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                LogStopped(_logger);
            }
            catch (Exception failure)
            {
                LogFailed(_logger, failure.Message, failure is ControlUnavailableException ? null : failure);
            }
        }
    }

    private IEnumerable<TopicPartition> Due() =>
        from topic in _view.Topics
        where !topic.IsDeleted
        from entry in topic.Control.Partitions.Select((state, index) => (state, index))
        where entry.state.Replicas[0] == _self && entry.state.Leader != _self && entry.state.InSync.Contains(_self)
        select new TopicPartition(topic.Name, new PartitionIndex(entry.index));

    /// <returns>False where the topic's controller knows better: the leader, or who is in sync, has changed.</returns>
    private async Task<bool> TryElectAsync(TopicPartition partition, CancellationToken cancellationToken)
    {
        try
        {
            _view.Learn(await _control.ElectAsync(partition.Topic, partition.Partition, isUnclean: false, cancellationToken));
            return true;
        }
        catch (KafkaException refusal)
        {
            LogRefused(_logger, partition, refusal.Message);
            return false;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "Leading {Count} of {Due} partition(s) again that this broker is the preferred leader of")]
    private static partial void LogReturned(ILogger logger, int count, int due);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The leadership of {Partition} stays where it is: {Reason}")]
    private static partial void LogRefused(ILogger logger, TopicPartition partition, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Leaderships could not be taken back, which is tried again later: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason, Exception? unexpected);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Leaderships are not taken back any more")]
    private static partial void LogStopped(ILogger logger);
}
