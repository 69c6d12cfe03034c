namespace Loire.Hosting;

/// <summary>What the health endpoints say.</summary>
public sealed class Health
{
    private volatile string? _notReadyBecause = "the broker is starting";
    private volatile Func<Exception?>? _failure;

    /// <summary>Why clients should not be sent here; null where they may be.</summary>
    public string? NotReadyBecause =>
        _notReadyBecause
        ?? (_failure?.Invoke() is { } failure ? $"produce is refused, what was acknowledged is served: {failure.Message}" : null);

    /// <summary>How the cluster is, as this broker sees it; null where there is none.</summary>
    public Func<string>? Cluster { get; set; }

    /// <summary>What an operator should see to though clients are served; null for nothing. A broker with a damaged place in
    /// its log stays ready: every other record is whole, clients prove each batch themselves, and neither a restart nor
    /// the absence of the broker would mend it.</summary>
    public Func<string?>? Warning { get; set; }

    /// <param name="failure">Why the broker takes no more writes; null while it does.</param>
    public void Ready(Func<Exception?> failure)
    {
        _failure = failure;
        _notReadyBecause = null;
    }

    /// <summary>A start that takes its time says what it waits for.</summary>
    public void Waits(string reason) => _notReadyBecause = reason;

    public void Stop() => _notReadyBecause = "the broker is stopping";
}
