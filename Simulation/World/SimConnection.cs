namespace Loire.Simulation.World;

/// <summary>A client's connection to one run of a broker: messages arrive in order or, once one is lost, not at
/// all.</summary>
internal sealed class SimConnection(SimCluster cluster, int client, SimBroker broker)
{
    private long _requestsUntilMs;
    private long _answersUntilMs;
    private bool _isBroken;

    public int Broker => broker.Id;

    public void Request(Action<SimBroker> deliver) =>
        Send(client, broker.Id, ref _requestsUntilMs, () => broker.Run(() => deliver(broker)));

    public void Answer(Action deliver) => Send(broker.Id, client, ref _answersUntilMs, deliver);

    private void Send(int from, int to, ref long untilMs, Action deliver)
    {
        if (_isBroken || cluster.Network.IsLost(from, to))
        {
            _isBroken = true;
            return;
        }

        untilMs = Math.Max(untilMs, cluster.Loop.NowMs + cluster.Network.DelayMs());
        cluster.Loop.After(untilMs - cluster.Loop.NowMs, () =>
        {
            if (!cluster.Network.AreConnected(from, to)) _isBroken = true;
            if (!_isBroken) deliver();
        });
    }
}
