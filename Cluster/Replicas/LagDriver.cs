using Loire.Broker.Partitions;
using Loire.Broker.Ports;

namespace Loire.Cluster.Replicas;

/// <summary>One timer that lets each leader look for followers that have fallen behind, and repeat what its controller has
/// not answered.</summary>
internal sealed class LagDriver : IAsyncDisposable
{
    /// <summary>Though the lag time be long: a follower that is back waits for a repeated proposal no longer than
    /// this.</summary>
    private const long LongestPeriodMs = 2_000;

    private readonly Func<IEnumerable<PartitionReplica>> _replicas;
    private readonly IBrokerConfigs _configs;
    private readonly PeriodicTimer _timer;
    private readonly Task _loop;

    public LagDriver(Func<IEnumerable<PartitionReplica>> replicas, IBrokerConfigs configs, TimeProvider time)
    {
        _replicas = replicas;
        _configs = configs;
        _timer = new PeriodicTimer(Period, time);
        _loop = Task.Run(RunAsync);
    }

    private TimeSpan Period =>
        TimeSpan.FromMilliseconds(Math.Clamp(_configs.Current.ReplicaLagTimeMaxMs / 2, 1, LongestPeriodMs));

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop;
    }

    private async Task RunAsync()
    {
        while (await _timer.WaitForNextTickAsync())
        {
            foreach (var replica in _replicas()) replica.CheckLag(_configs.Current.ReplicaLagTimeMaxMs);
            if (_timer.Period != Period) _timer.Period = Period;
        }
    }
}
