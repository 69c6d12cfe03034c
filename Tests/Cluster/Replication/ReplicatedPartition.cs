using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Tests.Broker.Partitions;
using Shouldly;

namespace Loire.Tests.ClusterEngine.Replication;

/// <summary>One partition on several brokers of this process: real logs, real sockets, the test as the
/// controller.</summary>
internal sealed class ReplicatedPartition : IAsyncDisposable, IReplicaAuthority
{
    public static readonly TopicIdPartition Id =
        new(new TopicId(new Guid("00000000-0000-0000-0000-00000000000a")), new TopicName("orders"), new PartitionIndex(0));

    /// <summary>Fetchers look here for their leaders while others are started.</summary>
    private readonly ConcurrentDictionary<NodeId, ReplicaBroker> _brokers = [];
    private readonly Dictionary<NodeId, long> _generations = [];
    private readonly Lock _lock = new();

    private ReplicatedPartition(int replicas, BrokerConfig config)
    {
        Config = config;
        State = new PartitionState
        {
            Replicas = [.. Enumerable.Range(1, replicas).Select(id => new NodeId(id))],
            InSync = [.. Enumerable.Range(1, replicas).Select(id => new NodeId(id))],
            Leader = new NodeId(1),
            LeaderEpoch = LeaderEpoch.Zero,
        };
    }

    public BrokerConfig Config { get; }
    public PartitionState State { get; private set; }

    public ReplicaBroker this[int id] => _brokers[new NodeId(id)];

    /// <summary>Replica 1 leads.</summary>
    public static async Task<ReplicatedPartition> StartAsync(int replicas, BrokerConfig? config = null)
    {
        var partition = new ReplicatedPartition(
            replicas, config ?? new BrokerConfig { ReplicaFetchWaitMaxMs = 5_000, SelectsReplicaByRack = true });
        foreach (var node in partition.State.Replicas) await partition.StartAsync(node.Value);
        return partition;
    }

    /// <summary>Starts a broker, on its old directory where it had one.</summary>
    public async Task StartAsync(int id)
    {
        var node = new NodeId(id);
        _brokers[node] = await ReplicaBroker.StartAsync(
            this, node, _brokers.TryGetValue(node, out var last) ? last.Directory : new Log.TemporaryDirectory());
        lock (_lock) _generations[node] = _generations.GetValueOrDefault(node) + 1;
        _brokers[node].Apply(State);
    }

    public BrokerEndpoint? Locate(NodeId node) => _brokers.GetValueOrDefault(node)?.EndPoint;

    public long GenerationOf(NodeId node)
    {
        lock (_lock) return _generations.GetValueOrDefault(node);
    }

    public ErrorCode Check(NodeId follower, long replicaEpoch) =>
        GenerationOf(follower) == replicaEpoch ? ErrorCode.None : ErrorCode.StaleBrokerEpoch;

    /// <summary>Ends a leadership and begins the next.</summary>
    public void Elect(int leader, params int[] inSync) => Change(state => state with
    {
        Leader = new NodeId(leader),
        LeaderEpoch = new LeaderEpoch(state.LeaderEpoch.Value + 1),
        InSync = [.. inSync.Select(id => new NodeId(id))],
    });

    /// <summary>Grants what a leader proposes.</summary>
    public void Grant(InSyncProposal proposal) => Change(state =>
        proposal.PartitionEpoch == state.PartitionEpoch && proposal.LeaderEpoch == state.LeaderEpoch
            ? state with { InSync = proposal.InSync }
            : state);

    public async Task ProduceAsync(int broker, int records, CancellationToken cancellationToken)
    {
        for (var i = 0; i < records; i++)
        {
            var result = await this[broker].Replica.AppendAndCommitAsync(Batches.Bytes(), cancellationToken);
            result.Error.ShouldBe(ErrorCode.None);
        }
    }

    public Task UntilEndIsAsync(int broker, long end) => Eventually.IsTrueAsync(
        () => this[broker].Replica.LogEndOffset.Value == end,
        state: () => $"log end of {broker} is {this[broker].Replica.LogEndOffset}, not {end}: {string.Join('\n', this[broker].LogLines)}");

    public Task UntilHighWatermarkIsAsync(int broker, long offset) => Eventually.IsTrueAsync(
        () => this[broker].Replica.HighWatermark.Value == offset,
        state: () => $"high watermark of {broker} is {this[broker].Replica.HighWatermark}, not {offset}");

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in _brokers.Values)
        {
            await broker.DisposeAsync();
            broker.Directory.Dispose();
        }
    }

    private void Change(Func<PartitionState, PartitionState> change)
    {
        ImmutableArray<ReplicaBroker> brokers;
        PartitionState state;
        lock (_lock)
        {
            state = change(State);
            if (ReferenceEquals(state, State)) return;
            State = state = state with { PartitionEpoch = State.PartitionEpoch + 1 };
            brokers = [.. _brokers.Values.Where(broker => broker.IsUp)];
        }

        foreach (var broker in brokers) broker.Apply(state);
    }
}
