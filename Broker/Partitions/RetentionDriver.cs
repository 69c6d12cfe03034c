using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Partitions;

/// <summary>One timer for all partitions of a broker: every log.retention.check.interval.ms it lets each drop what it need
/// not keep. A failing partition is reported and does not keep the others from it.</summary>
public sealed partial class RetentionDriver : IAsyncDisposable
{
    private readonly Func<IEnumerable<PartitionReplica>> _partitions;
    private readonly IBrokerConfigs _configs;
    private readonly ILogger<RetentionDriver> _logger;
    private readonly PeriodicTimer _timer;
    private readonly Task _loop;

    public RetentionDriver(
        Func<IEnumerable<PartitionReplica>> partitions,
        IBrokerConfigs configs,
        TimeProvider time,
        ILogger<RetentionDriver> logger)
    {
        _partitions = partitions;
        _configs = configs;
        _logger = logger;
        _timer = new PeriodicTimer(Interval, time);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>A timer's period is 49 days at most.</summary>
    private TimeSpan Interval => TimeSpan.FromMilliseconds(Math.Clamp(_configs.Current.RetentionCheckIntervalMs, 1, int.MaxValue));

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop;
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync())
        {
            foreach (var partition in _partitions()) Apply(partition);
            if (_timer.Period != Interval) _timer.Period = Interval;
        }
    }

    private void Apply(PartitionReplica partition)
    {
        try
        {
            partition.ApplyRetention(_configs.Current.ProducerIdExpirationMs);
        }
        catch (Exception failure)
        {
            LogFailure(_logger, partition.Partition, failure);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Retention failed for {Partition}; it is tried again at the next check")]
    private static partial void LogFailure(ILogger logger, TopicIdPartition partition, Exception failure);
}
