using Loire.Embedded;

namespace Loire.Standalone;

/// <summary>What the health endpoints say.</summary>
internal sealed class Health
{
    private volatile BrokerHost? _broker;
    private volatile bool _isStopping;

    /// <summary>Why clients should not be sent here; null where they may be.</summary>
    public string? NotReadyBecause =>
        _isStopping ? "the broker is stopping"
        : _broker is not { } broker ? "the broker is starting"
        : broker.Failure is { } failure ? $"produce is refused, what was acknowledged is served: {failure.Message}"
        : null;

    public void Watch(BrokerHost broker) => _broker = broker;

    public void Stop() => _isStopping = true;
}
