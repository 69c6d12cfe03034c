using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>The topic's controller as an activation of a grain: it keeps the state it last read or wrote, decides by the
/// real core, and believes nothing that the store has not taken under the version it had. Two of them may be active.</summary>
internal sealed class SimController
{
    private readonly SimCluster _cluster;
    private readonly List<Activation> _activations;

    public SimController(SimCluster cluster)
    {
        _cluster = cluster;
        _activations = [new Activation(cluster, 0)];
        cluster.Loop.Every(300, () =>
        {
            foreach (var activation in _activations) activation.Do(Settle, _ => { });
            return true;
        });
    }

    /// <summary>For a while there are two.</summary>
    public void Double(long durationMs)
    {
        if (_activations.Count > 1) return;
        _cluster.Story.Tell("controller", "is active twice");
        _activations.Add(new Activation(_cluster, 1));
        _cluster.Loop.After(durationMs, () =>
        {
            _cluster.Story.Tell("controller", "is active once");
            _activations.RemoveAt(_cluster.Random.Next(2));
        });
    }

    public void Read(Action<IEnumerable<KeyValuePair<PartitionIndex, PartitionState>>> reply) =>
        Any().Do(Unchanged, step => reply(SimCluster.All(step.State)));

    public void Started(
        NodeId broker,
        int incarnation,
        string directoryId,
        Action<IEnumerable<KeyValuePair<PartitionIndex, PartitionState>>> reply) =>
        Any().Do(
            state => TopicControlCore.BrokerStarted(
                state, new BrokerGeneration(broker, incarnation, directoryId), _cluster.Membership.Statuses()),
            step => reply(SimCluster.All(step.State)));

    public void AlterInSync(PartitionIndex partition, InSyncProposal proposal, Action<PartitionState> reply) =>
        Any().Do(
            state => TopicControlCore.AlterInSync(state, partition, proposal, _cluster.Membership.Statuses()),
            step => reply(step.State.Find(partition)!));

    public void SettleNow() => Any().Do(Settle, _ => { });

    public void Command(Func<TopicControlState, BrokerStatuses, ControlStep> command) =>
        Any().Do(state => command(state, _cluster.Membership.Statuses()), _ => { });

    private ControlStep Settle(TopicControlState state) =>
        TopicControlCore.BrokersChanged(state, _cluster.Membership.Statuses());

    private static ControlStep Unchanged(TopicControlState state) => new(state, ErrorCode.None, [], false);

    private Activation Any() => _activations[_cluster.Random.Next(_activations.Count)];

    private sealed class Activation(SimCluster cluster, int number)
    {
        private readonly Queue<(Func<TopicControlState, ControlStep> Command, Action<ControlStep> Reply)> _queue = new();
        private (TopicControlState State, long Version)? _cached;
        private bool _isBusy;

        public void Do(Func<TopicControlState, ControlStep> command, Action<ControlStep> reply)
        {
            _queue.Enqueue((command, reply));
            if (!_isBusy) Next();
        }

        private void Next()
        {
            _isBusy = false;
            while (!_isBusy && _queue.TryDequeue(out var next))
            {
                if (_cached is not { } cached)
                {
                    if (!cluster.Store.IsReachable) continue;
                    _cached = cached = (cluster.Store.State, cluster.Store.Version);
                }

                var step = next.Command(cached.State);
                if (step.Error == ErrorCode.NotController) _cached = null;
                if (!step.HasChanges)
                {
                    if (step.Error != ErrorCode.None) cluster.Story.Tell($"control {number}", $"refuses: {step.Error}");
                    next.Reply(step);
                    continue;
                }

                _isBusy = true;
                cluster.Loop.After(cluster.Random.Next(1, 20), () => Persist(cached.Version, step, next.Reply));
            }
        }

        /// <summary>A write that finds another version, or whose fate is unknown, is not believed.</summary>
        private void Persist(long version, ControlStep step, Action<ControlStep> reply)
        {
            _cached = null;
            var before = cluster.Store.State;
            if (cluster.Store.TryWrite(version, step.State))
            {
                cluster.Checker.Decided(before, step);
                if (cluster.Store.IsReachable)
                {
                    _cached = (step.State, version + 1);
                    foreach (var partition in step.Changed)
                    {
                        var decided = SimBroker.Describe(step.State.Partitions[partition.Value]);
                        cluster.Story.Tell($"control {number}", $"p{partition} {decided}");
                    }

                    reply(step);
                    cluster.Announce(step);
                }
            }

            Next();
        }
    }
}

/// <summary>Where controllers persist: compare-and-set on a version. While it is not reachable a write may be taken all
/// the same, only that nobody learns of it.</summary>
internal sealed class SimStore(Random random, TopicControlState state)
{
    public TopicControlState State { get; private set; } = state;
    public long Version { get; private set; }
    public bool IsReachable { get; set; } = true;

    public bool TryWrite(long version, TopicControlState next)
    {
        if (version != Version || (!IsReachable && random.Next(2) == 0)) return false;
        State = next;
        Version++;
        return true;
    }
}
