namespace Loire.Simulation.World;

/// <summary>Keeps what the cluster knows of one run of a broker in step with its log, by the rules of the broker's own driver: what
/// the cluster's record says, as far as this broker has heard, is compared, when the log changes and from time to time; what
/// differs is told, in one call at a time. A call that was given up may still be carried out, after a later one.</summary>
internal sealed class SimDrain
{
    private const int PeriodMs = 200;
    private const int RequestTimeoutMs = 400;

    private readonly SimCluster _cluster;
    private readonly SimBroker _broker;
    private Registration? _known;
    private int _request;
    private bool _isAsking;

    public SimDrain(SimCluster cluster, SimBroker broker)
    {
        _cluster = cluster;
        _broker = broker;
        cluster.Loop.Every(PeriodMs, () =>
        {
            broker.Run(Compare);
            return broker.IsUp;
        });
    }

    /// <summary>Whether the broker is about to stop, whatever becomes of its log.</summary>
    public bool IsResigning { get; private set; }

    public void Resign()
    {
        IsResigning = true;
        Compare();
    }

    public void Learn(Registration record)
    {
        if (_known is null || record.Version > _known.Version) _known = record;
    }

    public void Compare()
    {
        var mustDrain = IsResigning || _broker.Disk.Failure is not null;
        if (_isAsking || _known is not { } known) return;
        if (known.Incarnation != _broker.Incarnation || known.IsDraining == mustDrain) return;
        _isAsking = true;
        var request = ++_request;
        Send(() => _cluster.Membership.SetDraining(_broker.Node, _broker.Incarnation, mustDrain, record =>
            _cluster.Network.Send(SimNetwork.Controller, _broker.Id, () => _broker.Run(() => Told(request, record)))));
        _cluster.Loop.After(RequestTimeoutMs, () => _isAsking &= _request != request);
    }

    private void Told(int request, Registration record)
    {
        Learn(record);
        if (_request != request || !_isAsking) return;
        _isAsking = false;
        _broker.Tell(record.IsDraining ? "is known to hand its leaderships over" : "is known to lead again");
        Send(_cluster.Controller.SettleNow);
        Compare();
    }

    private void Send(Action deliver) => _cluster.Network.Send(_broker.Id, SimNetwork.Controller, deliver);
}
