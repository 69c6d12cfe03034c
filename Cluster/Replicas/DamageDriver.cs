using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster.Replicas;

/// <summary>Gives up replicas whose logs are damaged, as soon as another broker has all of what was committed: the topic's
/// controller takes this broker out of the in-sync set, and the log is fetched again. While there is no other copy it is
/// kept, and its partition said to be damaged.</summary>
internal sealed partial class DamageDriver : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private readonly ILogStore _store;
    private readonly LostLogs _lost;
    private readonly ClusterView _view;
    private readonly IClusterControl _control;
    private readonly NodeId _self;
    private readonly ILogger _logger;
    private readonly HashSet<TopicIdPartition> _saidToBeSole = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly PeriodicTimer _timer;
    private readonly Task _loop;

    public DamageDriver(
        ILogStore store,
        LostLogs lost,
        ClusterView view,
        IClusterControl control,
        NodeId self,
        TimeProvider time,
        ILogger<DamageDriver> logger)
    {
        _store = store;
        _lost = lost;
        _view = view;
        _control = control;
        _self = self;
        _logger = logger;
        _timer = new PeriodicTimer(Period, time);
        _loop = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _timer.Dispose();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync())
        {
            foreach (var partition in _store.DamagedPartitions.Union(_lost.Partitions)) await TryGiveUpAsync(partition);
        }
    }

    /// <summary>One that cannot be given up keeps no other back.</summary>
    private async Task TryGiveUpAsync(TopicIdPartition partition)
    {
        try
        {
            await GiveUpAsync(partition);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogStopped(_logger);
        }
        catch (Exception failure)
        {
            LogFailed(
                _logger, partition, failure.Message, failure is ControlUnavailableException or KafkaException ? null : failure);
        }
    }

    private async Task GiveUpAsync(TopicIdPartition partition)
    {
        if (FindState(partition) is not { } state) return;
        if (!state.InSync.Any(node => node != _self && _view.Statuses.IsLive(node)))
        {
            if (_saidToBeSole.Add(partition)) LogSole(_logger, partition);
            return;
        }

        LogGivenUp(_logger, partition);
        _lost.Add(partition, state.LeaderEpoch);
        _view.Learn(await _control.ReplicaLostAsync(partition, _self, _stop.Token));
    }

    /// <returns>Null where no replica of it belongs here.</returns>
    private PartitionState? FindState(TopicIdPartition partition) =>
        _view.Find(partition.Topic) is { IsDeleted: false } topic && topic.Id == partition.TopicId
        && topic.Control.Find(partition.Partition) is { } state && state.Replicas.Contains(_self)
            ? state
            : null;

    [LoggerMessage(
        Level = LogLevel.Error, Message = "The log of {Partition} is damaged here. It is given up, and fetched again from its leader")]
    private static partial void LogGivenUp(ILogger logger, TopicIdPartition partition);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The log of {Partition} is damaged here, and no other broker is in sync: it is kept until another is")]
    private static partial void LogSole(ILogger logger, TopicIdPartition partition);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The damaged replica of {Partition} could not be given up, which is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, TopicIdPartition partition, string reason, Exception? unexpected);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Damaged replicas are not given up any more")]
    private static partial void LogStopped(ILogger logger);
}
