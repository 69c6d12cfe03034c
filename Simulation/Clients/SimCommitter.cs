using Loire.Broker.Control;
using Loire.Broker.Groups;
using Loire.Protocol;
using Loire.Simulation.World;

namespace Loire.Simulation.Clients;

/// <summary>Commits how far a consumer has come, one commit at a time, and reads it back now and then: what was
/// acknowledged must never be taken back.</summary>
internal sealed class SimCommitter
{
    /// <summary>Longer than any message is under way, so that a commit given up never arrives after the next one.</summary>
    private const long PatienceMs = 1_500;

    private readonly SimCluster _cluster;
    private readonly SimConsumer _consumer;
    private readonly int _node;
    private readonly GroupId _group;
    private readonly TopicPartition _partition;
    private PartitionState? _known;
    private Offset _acknowledged = Offset.None;
    private long _quietUntilMs;
    private int _request;

    public SimCommitter(SimCluster cluster, int number, SimConsumer consumer, PartitionIndex partition)
    {
        _cluster = cluster;
        _consumer = consumer;
        _node = SimNetwork.FirstClient + number;
        _group = new GroupId($"group-{number}");
        _partition = SimCluster.Id(partition).TopicPartition;
        cluster.Loop.Every(70, () =>
        {
            if (cluster.Loop.NowMs < _quietUntilMs) return true;
            LookUp();
            if (cluster.Random.Next(3) == 0) ReadBack();
            else Commit();
            return true;
        });
    }

    /// <summary>Whether all that its consumer read is committed.</summary>
    public bool IsDone => _acknowledged == _consumer.Position;

    private void LookUp()
    {
        var asked = _cluster.Random.Next(_cluster.BrokerCount);
        _cluster.Network.Send(_node, asked, () => _cluster.Deliver(asked, broker =>
        {
            if (!broker.Known.TryGetValue(_cluster.OffsetsPartition, out var state)) return;
            _cluster.Network.Send(asked, _node, () =>
            {
                if (_known is null || state.LeaderEpoch > _known.LeaderEpoch) _known = state;
            });
        }));
    }

    private void Commit()
    {
        var offset = _consumer.Position;
        if (offset == _acknowledged) return;
        Ask<IReadOnlyList<ErrorCode>>(
            replyTo => new OffsetCommitCommand(
                _group, "", null, -1, true, null, [new OffsetToCommit(_partition, default, offset, LeaderEpoch.None, null)], replyTo),
            errors =>
            {
                if (errors[0] == ErrorCode.None) _acknowledged = offset;
            });
    }

    private void ReadBack()
    {
        var acknowledged = _acknowledged;
        Ask<OffsetFetchReply>(
            replyTo => new OffsetFetchCommand(_group, [_partition], RequireStable: false, replyTo),
            reply =>
            {
                if (reply.Error != ErrorCode.None) return;
                var read = reply.Offsets[0].Value?.Offset ?? Offset.None;
                if (read < acknowledged)
                {
                    throw new InvariantViolation($"{_group}: offset {acknowledged} was acknowledged, but {read} is read back");
                }
            });
    }

    private void Ask<TReply>(Func<IReplyTo<TReply>, GroupCommand> command, Action<TReply> onReply)
    {
        if (_known is not { } known || known.Leader == NodeId.None) return;
        var request = ++_request;
        _quietUntilMs = _cluster.Loop.NowMs + PatienceMs;
        var connection = new SimConnection(_cluster, _node, _cluster.Brokers[known.Leader.Value]);
        var answer = new Reply<TReply>(reply => connection.Answer(() =>
        {
            if (request != _request) return;
            _quietUntilMs = 0;
            onReply(reply);
        }));
        connection.Request(broker => broker.Handle(command(answer), known.LeaderEpoch));
    }

    private sealed class Reply<TReply>(Action<TReply> deliver) : IReplyTo<TReply>
    {
        void IReplyTo<TReply>.Deliver(TReply reply) => deliver(reply);
    }
}
