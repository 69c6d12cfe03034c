using System.Buffers;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Groups;
using Loire.Broker.Handlers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>One run of one broker process: the real replicas and fetchers over a simulated disk and network. A restart
/// makes a new one. It leads and follows only after its controller has noted that it started (else it could lead on in
/// an epoch of which it lost records).</summary>
internal sealed class SimBroker : IInSyncControl
{
    public const long LagMaxMs = 1_000;
    private const int RequestTimeoutMs = 400;

    /// <summary>Batches are small here: this reads ahead after most of them.</summary>
    private static readonly ReadAhead ReadAheadOfFew = new(FromBytes: 100, LimitBytes: 1_500);

    private readonly SimCluster _cluster;
    private readonly Dictionary<TopicIdPartition, PartitionReplica> _replicas = [];
    private readonly Dictionary<NodeId, ReplicaFetcherCore> _fetchers = [];
    private readonly Dictionary<NodeId, int> _requests = [];
    private readonly Dictionary<PartitionIndex, PartitionState> _known = [];
    private readonly Queue<Action> _deferred = new();
    private readonly FollowerService _followers;
    private readonly SimDrain _drain;
    private SimCoordinator? _coordinator;
    private bool _isStarted;

    public SimBroker(SimCluster cluster, int id, int incarnation, SimDisk disk)
    {
        _cluster = cluster;
        Node = new NodeId(id);
        Incarnation = incarnation;
        Disk = disk;
        _followers = new FollowerService(cluster, this);
        _drain = new SimDrain(cluster, this);
        disk.Synced = () => Run(PumpAll);
        disk.FailureChanged += () => Run(OnFailureChanged);
        cluster.Loop.Every(100, () => WhileUp(Heartbeat));
        cluster.Loop.Every(LagMaxMs / 4, () => WhileUp(CheckLag));
        cluster.Loop.Every(500, () => WhileUp(Refresh));
        cluster.Loop.Every(50, () => WhileUp(() => _coordinator?.Check()));
        Refresh();
    }

    public NodeId Node { get; }
    public int Id => Node.Value;
    public int Incarnation { get; }
    public SimDisk Disk { get; }
    public bool IsUp { get; private set; } = true;
    public bool IsPaused { get; private set; }

    /// <summary>Whether it is about to stop.</summary>
    public bool IsResigning => _drain.IsResigning;

    /// <summary>When it last proposed an in-sync set; may still be under way for a while.</summary>
    public long? LastProposalMs { get; private set; }
    public IEnumerable<PartitionReplica> Replicas => _replicas.Values;

    /// <summary>The newest states this broker has heard of, its own partitions' and others'.</summary>
    public IReadOnlyDictionary<PartitionIndex, PartitionState> Known => _known;

    public PartitionReplica? Find(PartitionIndex partition) => _replicas.GetValueOrDefault(SimCluster.Id(partition));

    /// <summary>Runs what arrived here: now, after the pause, or never.</summary>
    public void Run(Action action)
    {
        if (!IsUp) return;
        if (IsPaused) _deferred.Enqueue(action);
        else action();
    }

    public void Stop()
    {
        Tell("stops");
        IsUp = false;
        _deferred.Clear();
    }

    public void Pause()
    {
        Tell("is paused");
        IsPaused = true;
    }

    public void Resume()
    {
        if (!IsUp || !IsPaused) return;
        Tell("goes on");
        IsPaused = false;
        while (_deferred.TryDequeue(out var action)) _cluster.Loop.After(0, () => Run(action));
    }

    /// <summary>About to stop: hands its leaderships over.</summary>
    public void Resign()
    {
        Tell("resigns");
        foreach (var replica in _replicas.Values) replica.Resign();
        _drain.Resign();
    }

    public void Learn(IEnumerable<KeyValuePair<PartitionIndex, PartitionState>> states)
    {
        if (!_isStarted) return;
        foreach (var (partition, state) in states) Learn(partition, state);
        PumpAll();
    }

    public void Fetch(int from, ReplicaFetchRequest request, Action<ReplicaFetchAnswer> answer) =>
        _followers.Fetch(new NodeId(from), request, answer);

    public ValueTask<AppendResult> Produce(PartitionIndex partition, byte[] batch, ICommitListener listener)
    {
        if (Find(partition) is not { } replica)
        {
            return ValueTask.FromResult(AppendResult.Failed(ErrorCode.NotLeaderOrFollower, null, Offset.None));
        }

        return replica.AppendAsync(
            new ReadOnlySequence<byte>(batch), RequiredAcks.All, listener, slot: 0, CancellationToken.None);
    }

    public void Handle(GroupCommand command, LeaderEpoch knownEpoch)
    {
        if (_coordinator is null) command.Refuse(ErrorCode.NotCoordinator);
        else _coordinator.Handle(command, knownEpoch);
    }

    /// <summary>A follower serves as well, as far as it knows that records are committed (KIP-392).</summary>
    public PartitionRead Consume(PartitionIndex partition, LeaderEpoch knownEpoch, Offset from)
    {
        const int MaxBytes = 400;
        var replica = Find(partition);
        var error = replica is null ? ErrorCode.NotLeaderOrFollower : LeaderEpochCheck.Check(knownEpoch, replica);
        if (error != ErrorCode.None) return new PartitionRead(error, null, from, Offset.None, Offset.None, Offset.None);
        return replica!.Availability == ErrorCode.None
            ? replica.Read(from, MaxBytes, atLeastOne: true, ReadIsolation.Uncommitted)
            : replica.ReadFollowing(from, MaxBytes, atLeastOne: true, ReadIsolation.Uncommitted);
    }

    void IInSyncControl.Propose(TopicIdPartition partition, InSyncProposal proposal)
    {
        LastProposalMs = _cluster.Loop.NowMs;
        Tell($"proposes {partition} in sync [{string.Join(',', proposal.InSync)}] e{proposal.LeaderEpoch} v{proposal.PartitionEpoch}");
        _cluster.Network.Send(Id, SimNetwork.Controller, () => _cluster.Controller.AlterInSync(
            partition.Partition, proposal, state => Reply(() => Learn([new(partition.Partition, state)]))));
    }

    private void Learn(PartitionIndex partition, PartitionState state)
    {
        // Replicas must themselves see which states are old.
        Find(partition)?.Apply(state);
        if (_known.TryGetValue(partition, out var known) && known.PartitionEpoch >= state.PartitionEpoch) return;
        _known[partition] = state;
        if (!_replicas.TryGetValue(SimCluster.Id(partition), out var replica))
        {
            if (!state.Replicas.Contains(Node)) return;
            replica = new PartitionReplica(Disk, SimCluster.Id(partition), _cluster.TopicConfig, Node, _cluster.Loop, this);
            _replicas.Add(replica.Partition, replica);
            if (partition == _cluster.OffsetsPartition) _coordinator = new SimCoordinator(_cluster, this, replica);
        }

        Tell($"learns p{partition} {Describe(state)}");
        replica.Apply(state);
        if (IsResigning) replica.Resign();
        if (state.Leader != Node && state.Leader != NodeId.None && state.Replicas.Contains(Node)) FetcherOf(state.Leader).Add(replica);
    }

    private void Heartbeat() => _cluster.Network.Send(
        Id, SimNetwork.Controller, () => _cluster.Membership.Heard(Node));

    private void CheckLag()
    {
        foreach (var replica in _replicas.Values) replica.CheckLag(LagMaxMs);
    }

    /// <summary>Asks the controller for the current states; the first time, it lets the controller note the start.</summary>
    private void Refresh() => _cluster.Network.Send(Id, SimNetwork.Controller, () =>
    {
        if (_isStarted)
        {
            _cluster.Controller.Read(states => ReplyWithRecord(() => Learn(states)));
            return;
        }

        if (!_cluster.Membership.TryRegister(Node, Incarnation)) return;
        _cluster.Controller.Started(Node, Incarnation, Disk.DirectoryId, states => ReplyWithRecord(() =>
        {
            _isStarted = true;
            Learn(states);
        }));
    });

    private void ReplyWithRecord(Action action)
    {
        var record = _cluster.Membership.Find(Node);
        Reply(() =>
        {
            _drain.Learn(record);
            action();
        });
    }

    private void Reply(Action action) => _cluster.Network.Send(SimNetwork.Controller, Id, () => Run(action));

    private ReplicaFetcherCore FetcherOf(NodeId leader)
    {
        if (!_fetchers.TryGetValue(leader, out var fetcher)) _fetchers[leader] = fetcher = new ReplicaFetcherCore(leader, ReadAheadOfFew);
        return fetcher;
    }

    private void PumpAll()
    {
        foreach (var leader in _fetchers.Keys.ToArray()) Pump(leader);
    }

    /// <summary>Drives the fetcher of one leader: sends its next request, with a time limit.</summary>
    private void Pump(NodeId leader)
    {
        var fetcher = _fetchers[leader];
        if (fetcher.NextRequest(_cluster.Loop.NowMs) is not { } request)
        {
            if (fetcher.NextAttemptMs != long.MaxValue)
            {
                _cluster.Loop.After(fetcher.NextAttemptMs - _cluster.Loop.NowMs, () => Run(() => Pump(leader)));
            }

            return;
        }

        var number = _requests[leader] = _requests.GetValueOrDefault(leader) + 1;
        var asked = request.Partitions.Select(
            p => $"p{p.Key.Partition}@{p.Value.Offset}({p.Value.DurableEnd})e{p.Value.LastFetchedEpoch}");
        Tell($"fetches from {leader}: {string.Join(' ', asked)}");
        _cluster.Network.Send(Id, leader.Value, () => _cluster.Deliver(leader.Value, broker => broker.Fetch(Id, request, answer =>
            _cluster.Network.Send(leader.Value, Id, () => Run(() =>
            {
                if (_requests[leader] != number) return;
                _requests[leader]++;
                fetcher.Answered(answer, _cluster.Loop.NowMs);
                Pump(leader);
            })))));
        _cluster.Loop.After(RequestTimeoutMs, () => Run(() =>
        {
            if (_requests[leader] != number) return;
            _requests[leader]++;
            fetcher.Failed(_cluster.Loop.NowMs);
            Pump(leader);
        }));
    }

    private void OnFailureChanged()
    {
        Tell(Disk.Failure is { } failure ? $"takes no batches: {failure.Message}" : "takes batches again");
        _drain.Compare();
    }

    private bool WhileUp(Action action)
    {
        Run(action);
        return IsUp;
    }

    public void Tell(string what) => _cluster.Story.Tell($"broker {Id}.{Incarnation}", what);

    public static string Describe(PartitionState state) =>
        $"leader {state.Leader} e{state.LeaderEpoch} v{state.PartitionEpoch} in sync [{string.Join(',', state.InSync)}]"
        + $" of [{string.Join(',', state.Replicas)}]";
}
