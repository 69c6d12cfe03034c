using System.Collections.Concurrent;

namespace Loire.Broker.Gateway;

/// <summary>Looks at every connection once a second, so that no connection needs a timer of its own.</summary>
internal sealed class ConnectionWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>How long after a limit has passed it is found out at the latest, even on a machine that is busy.</summary>
    public static readonly TimeSpan LatenessMax = 10 * Period;

    private readonly ConcurrentDictionary<KafkaConnection, bool> _connections = [];
    private readonly GatewayClock _clock;
    private readonly PeriodicTimer _timer;
    private readonly Task _watching;

    public ConnectionWatch(GatewayClock clock)
    {
        _clock = clock;
        _timer = new PeriodicTimer(Period, clock.Provider);
        _watching = WatchAsync();
    }

    public void Add(KafkaConnection connection) => _connections[connection] = true;

    public void Remove(KafkaConnection connection) => _connections.TryRemove(connection, out _);

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _watching;
    }

    private async Task WatchAsync()
    {
        while (await _timer.WaitForNextTickAsync())
        {
            var nowMs = _clock.NowMs;
            foreach (var (connection, _) in _connections) connection.CheckDeadlines(nowMs);
        }
    }
}
